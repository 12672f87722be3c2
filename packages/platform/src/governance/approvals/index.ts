export { approveGuard } from './guard.ts';
export { approvalOperations } from './operations.ts';
export { resumeAnswered } from './resume.ts';
