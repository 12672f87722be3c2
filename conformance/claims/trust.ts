import type { ClaimTable } from '../claim-table.ts';

/** The Agent Trust Protocol: envelopes, scores, clients and transports. */
export const trust = {
  'ATP-ENV': {
    source: 'seed:atp',
    behaviour:
      'Signs, verifies, validates and serialises trust envelopes with hash-chained, signed provenance, sensitivity and policy context; Ed25519 and RS256, and HS256 only when explicitly allowed.',
    status: 'planned',
  },
  'ATP-SCORE': {
    source: 'seed:atp',
    behaviour:
      'Computes a trust score from 0 to 100 at the receiver, out of identity, freshness, capability alignment, policy compliance and cryptography, and maps it to four levels and thresholds.',
    status: 'planned',
  },
  'ATP-CLIENT': {
    source: 'seed:atp',
    behaviour:
      'Gives agents a client to connect, request, notify, broadcast and listen, with a required trust, timeouts, retries with backoff and many requests at once.',
    status: 'planned',
  },
  'ATP-TRANSPORT': {
    source: 'seed:atp',
    behaviour: 'Carries the same client over memory, HTTP, WebSocket and gRPC.',
    status: 'planned',
  },
  'ATP-ATTEST': {
    source: 'seed:atp',
    behaviour:
      'Accepts attestations only as credentials signed by their issuer, never as a claim of the sender about itself.',
    status: 'planned',
  },
  'ATP-DEMO': {
    source: 'seed:atp',
    behaviour: 'Shows the protocol at work in a demo, a finance example, a health data example and a web framework.',
    status: 'planned',
  },
} satisfies ClaimTable;
