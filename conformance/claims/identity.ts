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
