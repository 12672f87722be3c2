export { bearerOf, bindCaller, credentialOf } from './credential.ts';
export { createExchange, type Exchange } from './exchange.ts';
export { closeSessions, expel } from './expulsion.ts';
export type { Call } from './live-task.ts';
export { outcomeOf } from './outcome.ts';
export { oneShot } from './sessions.ts';
