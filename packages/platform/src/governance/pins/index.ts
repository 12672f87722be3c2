export { createPinBook, type PinBook, type PinMode } from './book.ts';
export { pinOperations } from './operations.ts';
