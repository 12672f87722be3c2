export { exportLog, readExport } from './export.ts';
export type { KillRecord } from './kills.ts';
export { auditOperations } from './operations.ts';
export { storedLog } from './source.ts';
export { createReplay } from './replay.ts';
export { compareState } from './state.ts';
export { verifyLog, type AuditReport } from './verify.ts';
