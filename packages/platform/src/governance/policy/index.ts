export { STARTER_FILE, STARTER_POLICY } from './starter.ts';
export { DEV_POLICY } from './dev.ts';
export { openPolicyFolder } from './folder.ts';
export { breaksGlass, policyGuard } from './guard.ts';
export { policyOperations } from './operations.ts';
export { questions } from './question.ts';
