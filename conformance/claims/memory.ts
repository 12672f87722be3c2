import type { ClaimTable } from '../claim-table.ts';

/** What agents remember and agree on. */
export const memory = {
  'M-HYBRID': {
    source: 'seed:aip',
    behaviour:
      'Searches vectors, graph and text together, with filters, the provenance of every write and access control between agents.',
    status: 'planned',
  },
  'M-EPISODIC': {
    source: 'seed:aip',
    behaviour:
      'Keeps the episodes of each agent across sessions, with retention by importance, consolidation, decay and the time in which a fact holds.',
    status: 'planned',
  },
  'M-GLOBAL': {
    source: 'seed:aip',
    behaviour: 'Shares layers of context among agents, under scopes and policy.',
    status: 'planned',
  },
  'M-BACKEND': {
    source: 'seed:aip',
    behaviour:
      'Runs embedded by default and on PostgreSQL for scale, with adapters for Redis, Qdrant and Neo4j that pass one conformance suite.',
    status: 'planned',
  },
  'M-EMBED': {
    source: 'seed:aip',
    behaviour:
      'Finds memories without any network, at a documented quality, and better with an OpenAI-compatible embedding endpoint.',
    status: 'planned',
  },
  'M-CONSENSUS': {
    source: 'seed:aip',
    behaviour:
      'Offers linearizable registers, leases and locks, resolves conflicts, and lets agents agree by signed quorum certificates although some of them lie.',
    status: 'planned',
  },
} satisfies ClaimTable;
