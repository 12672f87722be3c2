import type { ClaimTable } from '../claim-table.ts';

/** Money, credits and promises. */
export const economy = {
  'E-LEDGER': {
    source: 'seed:aip',
    behaviour:
      'Keeps a double-entry ledger in integer units with holds, partial capture and idempotency; nothing is created or lost under races and crashes.',
    status: 'partial',
  },
  'E-LEDGER.holds': {
    source: 'mission',
    behaviour:
      'A hold is a whole number of units above nothing, made once with the accept it pays for and resolved once, exactly as it was made; one whose effect is unknown waits for a person.',
    status: 'done',
  },
  'E-LEDGER.conservation': {
    source: 'mission',
    behaviour:
      'Debits equal credits, posted and pending, after any sequence of holds, captures, releases and reconciliations; deciding the log again comes to the same balances.',
    status: 'done',
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
  'E-BUDGET.limits': {
    source: 'mission',
    behaviour:
      'A priced call is accepted only within the limits of its payer per call, per UTC day and in total, holds included; who has no budget pays for nothing.',
    status: 'done',
  },
  'E-BUDGET.day': {
    source: 'mission',
    behaviour: 'The limit per day counts by the UTC day of the commit, and days are forgotten only once they are over.',
    status: 'done',
  },
  'E-BUDGET.failures': {
    source: 'MCP 2026-07-28 server/tools',
    behaviour:
      'A tool that ran and says that it failed (isError) ends its task as failed, with its result whole, and is not paid; nor is any other failure, whatever the payee says of its effect.',
    status: 'done',
  },
  'E-BUDGET.race': {
    source: 'mission',
    behaviour: '64 concurrent calls against a budget for 10 have exactly 10 effects, every time.',
    status: 'done',
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
