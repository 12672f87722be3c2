export { killDecider, type KillRow } from './decider.ts';
export { gateGuard } from './guard.ts';
export { createLatch, type Latch } from './latch.ts';
export { keepLatch } from './keeper.ts';
export { killOperations } from './operations.ts';
