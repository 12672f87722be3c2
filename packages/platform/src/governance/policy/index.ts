export type { CaseResult, PolicyCase } from './case-table.ts';
export type { CompiledPolicy } from './compile.ts';
export type { Connection } from './connection.ts';
export type { Explanation, PolicyExplanation } from './explain.ts';
export type { CedarDecision } from './oracle.ts';
export type { PolicySet } from './policy-set.ts';
export type { Comparison, Shadow } from './shadow.ts';
export type { PolicyFile } from './source.ts';
export type {
  Decision,
  Entity,
  EntitySlice,
  Obligation,
  PolicyEffect,
  PolicyFailure,
  PolicyProblem,
  PolicyReason,
  PolicyRequest,
} from './types.ts';
export type { CedarRecord, CedarSet, CedarValue, EntityRef } from './value.ts';
export { caseRequest, parseCases, runCases } from './case-table.ts';
export { formatPolicies } from './cedar.ts';
export { connectionId, connectionPolicy, CONNECTIONS_FILE } from './connection.ts';
export { entitySlice, ownersOf } from './entity-slice.ts';
export { explain } from './explain.ts';
export { compilePolicies } from './policy-set.ts';
export { AIP_SCHEMA } from './schema.ts';
export { openShadow } from './shadow.ts';
export { STARTER_FILE, STARTER_POLICY } from './starter.ts';
export { entity, parseEntity, record, setOf, showEntity } from './value.ts';
export { openPolicyFolder, type PolicyFolder } from './folder.ts';
export { policyGuard } from './guard.ts';
export { policyOperations } from './operations.ts';
