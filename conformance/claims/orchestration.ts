import type { ClaimTable } from '../claim-table.ts';

/** Plans, and what carries them out. */
export const orchestration = {
  'O-PLAN': {
    source: 'seed:aip',
    behaviour:
      'Breaks a goal into a plan over the capabilities at hand, by a deterministic planner or by a language model.',
    status: 'planned',
  },
  'O-EXEC': {
    source: 'seed:aip',
    behaviour:
      'Executes durable task graphs with dependencies, parallelism, retries, timeouts, compensation and approvals; after a crash no completed step is repeated.',
    status: 'partial',
  },
  'O-EXEC.redelivery': {
    source: 'mission',
    behaviour:
      'After a stop, delivers a step that reads or is declared idempotent again under its key, ends any other with its effect unknown, and never repeats what had ended.',
    status: 'done',
  },
  'O-EXEC.poison': {
    source: 'mission',
    behaviour:
      'Delivers a step five times at most, counted in the commit, over lost connections and restarts alike; then it ends as failed with a code of its own.',
    status: 'done',
  },
  'O-EXEC.own-reads': {
    source: 'mission',
    behaviour:
      'Starts what changes something only once its accept is durable; a read inside the process that answers at once is one step of the log. No answer leaves before its group is durable.',
    status: 'done',
  },
  'O-EXEC.crash': {
    source: 'mission',
    behaviour:
      'After kill -9 under load no acknowledged task is lost and no completed step repeats; a step in flight is delivered again under its key if it is idempotent, else its effect is unknown; nothing hangs.',
    status: 'done',
  },
  'O-EXEC.key': {
    source: 'mission',
    behaviour:
      'A request that is put again under its key is led to its task, though its target is away or somebody else offers the capability by now.',
    status: 'done',
  },
  'O-MON': {
    source: 'seed:aip',
    behaviour: 'Shows the progress of a plan, pauses it, cancels it and runs it again from a chosen step.',
    status: 'planned',
  },
  'O-BREAKER': {
    source: 'seed:aip',
    behaviour:
      'Keeps failures from spreading, by circuit breakers with half-open probing, backpressure, bulkheads and health checks.',
    status: 'planned',
  },
  'O-SWARM': {
    source: 'seed:aip',
    behaviour: 'Coordinates swarms by hierarchy, by bidding in a market and by weighted votes with a quorum.',
    status: 'planned',
  },
  'O-10K': {
    source: 'seed:aip',
    behaviour: 'Runs ten thousand concurrent workflows on a machine with two cores, and more with further nodes.',
    status: 'planned',
  },
  'O-CRON': {
    source: 'seed:aip',
    behaviour: 'Starts work on schedules and triggers.',
    status: 'planned',
  },
} satisfies ClaimTable;
