export { ledgerDecider, type AccountRow, type HoldRow } from './decider.ts';
export { ledgerOperations } from './operations.ts';
