import type { ClaimTable } from '../claim-table.ts';

/** Money, credits and promises. */
export const economy = {
  'E-LEDGER': {
    source: 'seed:aip',
    behaviour:
      'Keeps a double-entry ledger in integer units with holds, partial capture and idempotency; nothing is created or lost under races and crashes.',
    status: 'partial',
  },
  'E-LEDGER.crash': {
    source: 'mission',
    behaviour:
      'After kill -9 under load the books balance, budgets add up, and holds of calls with an unknown effect are kept until somebody has looked.',
    status: 'done',
  },
  'E-BUDGET': {
    source: 'seed:aip',
    behaviour: 'Enforces hard budgets for each agent, day, call and payee, and refuses when it cannot know.',
    status: 'partial',
  },
  'E-CHANNEL': {
    source: 'seed:aip',
    behaviour: 'Pays by vouchers outside the chain and settles on an EVM, with a challenge period and a watcher.',
    status: 'planned',
  },
  'E-X402': {
    source: 'seed:aip',
    behaviour: 'Speaks x402 version 2 over HTTP, MCP and A2A with the official clients and servers.',
    status: 'planned',
  },
  'E-MARKET': {
    source: 'seed:aip',
    behaviour: 'Trades compute and bandwidth in a double auction with funded bids, and takes bids for tasks.',
    status: 'planned',
  },
  'E-STAKE': {
    source: 'seed:aip',
    behaviour: 'Holds stakes with an unbonding time, slashes them on evidence and settles disputes.',
    status: 'planned',
  },
  'E-SLA': {
    source: 'seed:aip',
    behaviour:
      'Negotiates service agreements signed by both sides, held in escrow, with fulfilment, breach and penalty.',
    status: 'planned',
  },
  'E-TOKEN': {
    source: 'seed:aip',
    behaviour:
      'Mints internal credits under a cap and rewards them so that honest work pays best, as a simulation shows.',
    status: 'planned',
  },
} satisfies ClaimTable;
