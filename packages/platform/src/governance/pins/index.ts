export { createPinBook } from './book.ts';
export { pinGuard } from './guard.ts';
export { pinOperations } from './operations.ts';
export type { PinMode } from './standing.ts';
