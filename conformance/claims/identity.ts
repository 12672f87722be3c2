import type { ClaimTable } from '../claim-table.ts';

/** Who speaks, and how that is known. */
export const identity = {
  'I-DID': {
    source: 'seed:aip',
    behaviour:
      'Resolves did:key, did:web, did:wba and did:webvh identifiers, cached, and safe against requests forged to reach internal addresses.',
    status: 'planned',
  },
  'I-CARD': {
    source: 'seed:aip',
    behaviour:
      'Keeps one signed card for each agent and projects it as A2A card, ANP description, ACP manifest and MCP server entry.',
    status: 'planned',
  },
  'I-VC': {
    source: 'seed:aip',
    behaviour: 'Issues, verifies, revokes and presents W3C Verifiable Credentials 2.0 and SD-JWT credentials.',
    status: 'planned',
  },
  'I-REP': {
    source: 'seed:aip',
    behaviour:
      'Computes reputation in five dimensions from recorded evidence, with decay, confidence bounds and resistance to Sybils, explained point by point.',
    status: 'planned',
  },
  'I-MPC': {
    source: 'seed:aip',
    behaviour:
      'Shares keys among several holders: Shamir backup, FROST key generation and signing, refresh under the same public key, and naming of a misbehaving signer.',
    status: 'planned',
  },
  'I-KEYS': {
    source: 'seed:aip',
    behaviour:
      'Stores keys in a passphrase file, a PKCS#11 token or sealed by a TPM, rotates them, and never logs a secret.',
    status: 'planned',
  },
  'I-AUTH': {
    source: 'seed:aip',
    behaviour:
      'Authenticates by API key, JWT and OIDC, mutual TLS, OAuth 2.1 and DPoP, and keeps the chain of who acted for whom.',
    status: 'partial',
  },
  'I-AUTH.token': {
    source: 'seed:aip',
    behaviour:
      'Authenticates services and agents by API tokens with roles, expiry and revocation; what is forged, cut off or revoked opens nothing.',
    status: 'done',
  },
  'I-AUTH.secrets': {
    source: 'mission',
    behaviour:
      'Shows a secret once and keeps only a keyed hash of it; no file but those made for secrets, which their owner alone can read, ever holds one.',
    status: 'done',
  },
  'I-AUTH.oauth': {
    source: 'RFC 9068; MCP 2026-07-28, authorization',
    behaviour:
      'Accepts access tokens of configured issuers as users with mapped roles; none that is unsigned, forged, expired, of another issuer, or made to be read by somebody else opens anything.',
    status: 'done',
  },
  'I-AUTH.audience': {
    source: 'RFC 8707; MCP 2026-07-28, authorization',
    behaviour:
      'Accepts an access token only at the resource that it was made for, or a part of it; over MCP nothing is shown there of what was called elsewhere, nor of what lacks its scope.',
    status: 'done',
  },
  'I-AUTH.keys': {
    source: 'RFC 8414; RFC 7517',
    behaviour:
      'Finds an issuer’s keys in its metadata, follows their rotation, and never floods the issuer, whatever tokens arrive.',
    status: 'done',
  },
  'I-AUTH.resource': {
    source: 'RFC 9728; RFC 6750; MCP 2026-07-28, authorization',
    behaviour:
      'Tells clients where to get a token and for which scopes, so that the official client finds its way from a bare URL to a tool call, and from a missing scope to a token that has it.',
    status: 'done',
  },
  'I-AUTH.passthrough': {
    source: 'MCP 2026-07-28, authorization, token passthrough',
    behaviour: 'Never passes a token of a caller on to an upstream.',
    status: 'done',
  },
  'I-AUTH.vault': {
    source: 'mission',
    behaviour:
      'Keeps secrets that it needs again encrypted at rest, for their owner alone, across kill -9, and shows them in no answer and no log.',
    status: 'done',
  },
  'I-RBAC': {
    source: 'seed:aip',
    behaviour:
      'Decides roles, attributes and capabilities in the one policy engine, with tenants and teams kept apart.',
    status: 'partial',
  },
  'I-RBAC.tenants': {
    source: 'seed:aip',
    behaviour:
      'Keeps tenants apart: nobody sees, calls or steers the agents, tasks, tokens and asks of another, whatever its roles.',
    status: 'done',
  },
} satisfies ClaimTable;
