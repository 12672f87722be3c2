export { createExchange, type Exchange, type ExchangeOptions } from './exchange.ts';
export type { Call } from './live-task.ts';
export { outcomeOf, type Outcome } from './outcome.ts';
export type { Slots } from './pipeline.ts';
export { oneShot, type SessionOptions } from './sessions.ts';
