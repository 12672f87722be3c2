import type { ClaimTable } from '../claim-table.ts';

/** What operators see. */
export const telemetry = {
  'T-METRICS': {
    source: 'seed:aip',
    behaviour: 'Exposes Prometheus metrics at /metrics that a real Prometheus scrapes.',
    status: 'planned',
  },
  'T-TRACE': {
    source: 'seed:aip',
    behaviour: 'Traces a call across protocols with W3C context in and out, and exports OTLP.',
    status: 'planned',
  },
  'T-LOGS': {
    source: 'seed:aip',
    behaviour: 'Logs structured JSON lines with trace ids and without secrets.',
    status: 'planned',
  },
  'T-DASH': {
    source: 'seed:aip',
    behaviour: 'Shows the platform live in a local dashboard that is accessible, dark and light.',
    status: 'planned',
  },
} satisfies ClaimTable;
