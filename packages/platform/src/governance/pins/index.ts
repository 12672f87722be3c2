export { createPinBook, type PinMode } from './book.ts';
export { pinOperations } from './operations.ts';
