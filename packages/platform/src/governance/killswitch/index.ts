export { gateGuard } from './guard.ts';
export { createLatch } from './latch.ts';
export { keepLatch } from './keeper.ts';
export { killOperations } from './operations.ts';
