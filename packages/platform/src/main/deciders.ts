import { budgetDecider } from '../economy/budgets/decider.ts';
import { ledgerDecider } from '../economy/ledger/decider.ts';
import { idempotencyDecider, taskDecider } from '../exchange/task-decider.ts';
import { approvalDecider } from '../governance/approvals/decider.ts';
import { killDecider } from '../governance/killswitch/decider.ts';
import { pinDecider } from '../governance/pins/decider.ts';
import { tokenDecider } from '../identity/tokens.ts';
import type { Decider } from '../kernel/entry.ts';
import { agentDecider } from '../registry/decider.ts';
import { keptServerDecider } from './kept-server-decider.ts';

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
  keptServerDecider,
  pinDecider,
  budgetDecider,
  ledgerDecider,
];
