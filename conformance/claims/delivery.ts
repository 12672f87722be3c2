import type { ClaimTable } from '../claim-table.ts';

/** How the platform reaches its users. */
export const delivery = {
  'D-CLI': {
    source: 'seed:aip',
    behaviour: 'Offers the aip command for everything an operator does, with JSON output and errors that help.',
    status: 'planned',
  },
  'D-SDK': {
    source: 'seed:aip',
    behaviour: 'Gives authors a small typed SDK: Agent, Orchestrator, GatewayClient, ATPClient and Sandbox.',
    status: 'planned',
  },
  'D-CLUSTER': {
    source: 'seed:aip',
    behaviour: 'Runs on several nodes where each serves every agent, and loses nothing accepted when one dies.',
    status: 'planned',
  },
  'D-DEPLOY': {
    source: 'seed:aip',
    behaviour: 'Ships a container image, a compose stack, a Helm chart and a Kubernetes operator.',
    status: 'planned',
  },
  'D-SECURE': {
    source: 'seed:aip',
    behaviour:
      'Speaks TLS 1.3, encrypts at rest, signs its releases with a way back, and runs with the least privilege.',
    status: 'planned',
  },
  'D-DOCS': {
    source: 'seed:aip',
    behaviour: 'Documents itself from first start to operation, with examples that run in CI.',
    status: 'planned',
  },
} satisfies ClaimTable;
