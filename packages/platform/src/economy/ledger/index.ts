export { ledgerDecider, type AccountRow, type HoldRow, type Resolution } from './decider.ts';
export { ledgerOperations } from './operations.ts';
