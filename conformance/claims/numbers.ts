import type { ClaimTable } from '../claim-table.ts';

/** What is promised in figures; the benchmark measures each beside its peers. */
export const numbers = {
  'N-POLICY': {
    source: 'seed:aip',
    behaviour: 'Decides a policy question in less than 10 µs at 1,000 policies, as the reference engine decides it.',
    status: 'planned',
  },
  'N-ROUTE': {
    source: 'seed:aip',
    behaviour:
      'Routes a governed, durable call between agents in less than 1 ms at the median, for at most 1.25 times the CPU of the bare official A2A server.',
    status: 'planned',
  },
  'N-MCP': {
    source: 'mission',
    behaviour: 'Serves a governed tools/call for at most 0.4 times the CPU of the bare official MCP server.',
    status: 'planned',
  },
  'N-DISCOVER': {
    source: 'seed:aip',
    behaviour: 'Finds an agent among 100,000 in less than 1 ms at the median.',
    status: 'planned',
  },
  'N-MEMORY': {
    source: 'seed:aip',
    behaviour: 'Answers a hybrid memory query over 100,000 memories in less than 2 ms at the median.',
    status: 'planned',
  },
  'N-PLAN': {
    source: 'seed:aip',
    behaviour: 'Plans 100 steps in less than 10 ms.',
    status: 'planned',
  },
  'N-HEALTH': {
    source: 'seed:aip',
    behaviour: 'Answers a health check in less than 1 ms.',
    status: 'planned',
  },
  'N-ATP': {
    source: 'seed:atp',
    behaviour:
      'Reaches eight times the promised message rate, fifty times the validations and thirty times the signatures, in at most 20 kB for each connected agent.',
    status: 'planned',
  },
  'N-IOAP': {
    source: 'seed:aiconexus',
    behaviour: 'Holds 10,000 idle agents on one machine, with a 99th percentile below 20 ms under load.',
    status: 'planned',
  },
  'N-START': {
    source: 'mission',
    behaviour: 'Is ready in less than a second and idles below 120 MB.',
    status: 'planned',
  },
} satisfies ClaimTable;
