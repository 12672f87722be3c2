import { budgetDecider } from '../economy/budgets/index.ts';
import { ledgerDecider } from '../economy/ledger/index.ts';
import { idempotencyDecider, taskDecider } from '../exchange/task-decider.ts';
import { approvalDecider } from '../governance/approvals/index.ts';
import { killDecider } from '../governance/killswitch/index.ts';
import { tokenDecider } from '../identity/index.ts';
import type { Decider } from '../kernel/entry.ts';
import { agentDecider } from '../registry/index.ts';

/**
 * Everything that is decided inside the commit, in this order: what is stopped is refused before anything else
 * is looked at, and money is the last to move.
 */
export const DECIDERS: readonly Decider[] = [
  killDecider,
  idempotencyDecider,
  taskDecider,
  approvalDecider,
  agentDecider,
  tokenDecider,
  budgetDecider,
  ledgerDecider,
];
