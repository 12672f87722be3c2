export { authenticator, type AgentFacts } from './authenticate.ts';
export { createLogins, type Logins } from './login.ts';
export { identityOperations } from './operations.ts';
export { ADMIN_TOKEN_FILE, openSecrets, readGatewayDid, type Secrets } from './secrets.ts';
export { createTokenBook, tokenDecider, type TokenBook } from './tokens.ts';
