export { authenticator } from './authenticate.ts';
export { createLogins, type Logins } from './login.ts';
export { identityOperations } from './operations.ts';
export { openSecrets, readGatewayDid, type Secrets } from './secrets.ts';
export { createTokenBook, tokenDecider } from './tokens.ts';
