import type { ClaimTable } from '../claim-table.ts';

/** What may happen, what stops it, and what proves it. */
export const governance = {
  'G-POLICY': {
    source: 'seed:aip',
    behaviour:
      'Decides by Cedar policies that can be validated, explained, tested, simulated on recorded traffic and rolled out in stages; denies by default and adds obligations.',
    status: 'planned',
  },
  'G-KILL': {
    source: 'seed:aip',
    behaviour:
      'Stops anything from a session to the whole platform, proves which message was the last accepted, and releases only with enough approvals; a node that is cut off stops by itself.',
    status: 'planned',
  },
  'G-AUDIT': {
    source: 'seed:aip',
    behaviour:
      'Records everything in a Merkle log with signed checkpoints that a third party verifies offline, survives lawful erasure, and exports to common formats.',
    status: 'planned',
  },
  'G-APPROVE': {
    source: 'seed:aip',
    behaviour: 'Parks a call until enough people approve exactly its arguments, with expiry, across restarts.',
    status: 'planned',
  },
  'G-GUARD': {
    source: 'seed:aip',
    behaviour:
      'Limits rates, enforces rules about the order of calls, redacts personal data and notices signs of injection.',
    status: 'planned',
  },
} satisfies ClaimTable;
