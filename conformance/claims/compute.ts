import type { ClaimTable } from '../claim-table.ts';

/** Where the code of others runs. */
export const compute = {
  'C-SANDBOX': {
    source: 'seed:aip',
    behaviour:
      'Runs untrusted Python and JavaScript within limits on CPU, memory, time and output, without file system or network, and withstands the published abuse suite.',
    status: 'planned',
  },
  'C-RUNTIME': {
    source: 'seed:aip',
    behaviour: 'Runs agents as containers through the Docker API, with limits, logs, health and restart.',
    status: 'planned',
  },
  'C-ISOLATE': {
    source: 'seed:aip',
    behaviour: 'Isolates agents on Linux without Docker, by bubblewrap and control groups.',
    status: 'planned',
  },
  'C-TEE': {
    source: 'seed:aip',
    behaviour:
      'Verifies the attestation of AMD, Intel and AWS enclaves on real evidence, and releases keys to attested code only.',
    status: 'planned',
  },
  'C-SERVERLESS': {
    source: 'seed:aip',
    behaviour:
      'Starts agents on demand from zero, limits their concurrency and scales them by the depth of their queue.',
    status: 'planned',
  },
  'C-EDGE': {
    source: 'seed:aip',
    behaviour: 'Runs a small node near the user, which works offline and synchronises with its parent.',
    status: 'planned',
  },
} satisfies ClaimTable;
