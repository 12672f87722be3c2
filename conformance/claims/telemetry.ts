import type { ClaimTable } from '../claim-table.ts';

/** What operators see. */
export const telemetry = {
  'T-METRICS': {
    source: 'seed:aip',
    behaviour: 'Exposes Prometheus metrics at /metrics that a real Prometheus scrapes.',
    status: 'partial',
  },
  'T-METRICS.disk': {
    source: 'mission',
    behaviour:
      'Shows how large the log is and how much of its disk is free, in /metrics and aip doctor; /readyz says when nothing can be recorded.',
    status: 'done',
  },
  'T-METRICS.endpoint': {
    source: 'seed:aip',
    behaviour: 'Answers /metrics with the Prometheus text format, without a token on this machine only.',
    status: 'done',
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
    status: 'partial',
  },
  'T-DASH.login': {
    source: 'mission',
    behaviour:
      'Opens by a one-time code from the URL’s fragment, traded for an HttpOnly, SameSite=Strict session that other pages cannot use.',
    status: 'done',
  },
  'T-DASH.feed': {
    source: 'mission',
    behaviour:
      'Feeds the log live over Server-Sent Events: heads only, at most ten events a second, resumed by number, with a snapshot for whoever fell behind.',
    status: 'done',
  },
} satisfies ClaimTable;
