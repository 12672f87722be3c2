import type { ClaimTable } from '../claim-table.ts';

/** How the platform reaches its users. */
export const delivery = {
  'D-CLI': {
    source: 'seed:aip',
    behaviour: 'Offers the aip command for everything an operator does, with JSON output and errors that help.',
    status: 'partial',
  },
  'D-SDK': {
    source: 'seed:aip',
    behaviour: 'Gives authors a small typed SDK: Agent, Orchestrator, GatewayClient, ATPClient and Sandbox.',
    status: 'partial',
  },
  'D-CLUSTER': {
    source: 'seed:aip',
    behaviour: 'Runs on several nodes where each serves every agent, and loses nothing accepted when one dies.',
    status: 'planned',
  },
  'D-DEPLOY': {
    source: 'seed:aip',
    behaviour: 'Ships a container image, a compose stack, a Helm chart and a Kubernetes operator.',
    status: 'partial',
  },
  'D-DEPLOY.config': {
    source: 'mission',
    behaviour:
      'Takes its settings from flags, AIP_* variables and aip.yaml, in this order, needs none of them, and names every wrong one at once.',
    status: 'done',
  },
  'D-DEPLOY.data-folder': {
    source: 'mission',
    behaviour: 'Keeps its state in one folder, for one process at a time, and says which folder or file it cannot use.',
    status: 'done',
  },
  'D-SECURE': {
    source: 'seed:aip',
    behaviour:
      'Speaks TLS 1.3, encrypts at rest, signs its releases with a way back, and runs with the least privilege.',
    status: 'partial',
  },
  'D-SECURE.outbound': {
    source: 'OWASP SSRF prevention; IANA special-purpose address registries',
    behaviour:
      'Connects to public addresses and to origins that an operator has named, checks every address as it connects and every redirect, and sends credentials to no other origin.',
    status: 'done',
  },
  'D-SECURE.secrets': {
    source: 'mission',
    behaviour:
      'Makes its secrets on the first start, keeps them in files that only it can read, and writes them into no output and no log.',
    status: 'done',
  },
  'D-SECURE.origin': {
    source: 'mission',
    behaviour:
      'Answers only to its own Host names and to pages of its own Origins, on requests and WebSocket upgrades, so that a web page elsewhere cannot reach it.',
    status: 'done',
  },
  'D-CLI.commands': {
    source: 'seed:aip',
    behaviour:
      'Creates, lists, reads and calls agents, connects them, follows tasks, answers approvals, kills, pauses and releases, sets budgets, checks policies, and makes tokens from the command line.',
    status: 'done',
  },
  'D-CLI.up': {
    source: 'mission',
    behaviour:
      'Says on one line that it is ready, says in a sentence what stands in the way of a start, ends in less than five seconds with streams open, and keeps all its state for the next start.',
    status: 'done',
  },
  'D-CLI.mcp': {
    source: 'mission',
    behaviour:
      'Lists, inspects and calls MCP servers and virtual servers, agrees to their tools, and imports and exports them from the command line.',
    status: 'done',
  },
  'D-CLI.sources': {
    source: 'mission',
    behaviour: 'Lists sources with their state, what they offer, what is wrong with them and what was left out.',
    status: 'done',
  },
  'D-CLI.doctor': {
    source: 'mission',
    behaviour:
      'Says what is wrong with an installation and what to do: Node, settings, secrets, policies, sources, and for each OAuth issuer whether it answers, is who it should be, and publishes keys that fit.',
    status: 'done',
  },
  'D-CLI.output': {
    source: 'seed:aip',
    behaviour:
      'Prints aligned tables, or with -o json what the operation returned; colours only on a terminal, never with NO_COLOR.',
    status: 'done',
  },
  'D-CLI.errors': {
    source: 'seed:aip',
    behaviour:
      'Says what to do about an error, and tells with its exit code a failure from wrong usage, no platform, a denial and a failed verification.',
    status: 'done',
  },
  'D-CLI.log': {
    source: 'seed:aip',
    behaviour:
      'At a terminal the log is lines that people read, warnings and errors standing out, else JSON; `aip dev` tells of each call with its verdict and outcome.',
    status: 'done',
  },
  'D-CLI.credential': {
    source: 'mission',
    behaviour: 'Authenticates with the credential file in the data folder, and sends it to this machine only.',
    status: 'done',
  },
  'D-SDK.aip-client': {
    source: 'seed:aip',
    behaviour:
      'Gives programs every operation with its types, generated from the OpenAPI document, and calls with streams that resume.',
    status: 'done',
  },
  'D-DOCS': {
    source: 'seed:aip',
    behaviour: 'Documents itself from first start to operation, with examples that run in CI.',
    status: 'partial',
  },
  'D-DOCS.openapi': {
    source: 'mission',
    behaviour: 'Describes every operation in an OpenAPI 3.1 document that is made from the operations themselves.',
    status: 'done',
  },
} satisfies ClaimTable;
