export { exportLog, readExport } from './export.ts';
export type { KillRecord } from './kills.ts';
export { auditOperations } from './operations.ts';
export { storedLog, type LogSource } from './source.ts';
export { compareState } from './state.ts';
export { verifyLog, type AuditProblem, type AuditReport } from './verify.ts';
