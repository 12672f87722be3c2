export { bearerOf, bindCaller, credentialOf } from './credential.ts';
export { createExchange, type Exchange } from './exchange.ts';
export { closeSessions, expel } from './expulsion.ts';
export type { Call } from './live-task.ts';
export { interrupted, outcomeOf, outputOf } from './outcome.ts';
export { isRecognised, recognise } from './recognition.ts';
export { oneShot } from './sessions.ts';
