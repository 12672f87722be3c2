import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CatalogueEntry } from '../../packages/platform/src/kernel/catalogue.ts';
import { loadConfig } from '../../packages/platform/src/main/config.ts';
import { startPlatform } from '../../packages/platform/src/main/platform.ts';
import { isJsonObject } from '../../packages/wire/src/index.ts';
import { cell, GENERATED_NOTE, tableOf } from './markdown.ts';

/** docs/operations.md */
export async function operationsPage(): Promise<string> {
  const rows = (await operations()).map(({ name, description, effect, plane, inputSchema }) => [
    `\`${name}\``,
    cell(description),
    effect,
    plane ?? 'data',
    inputOf(inputSchema),
  ]);
  return `# Operations

${GENERATED_NOTE}

What the platform itself can do. Each operation is defined once and reached in four ways, under the same guards:

- **REST**: \`POST /v1/<domain>/<verb>\` with a JSON object; \`GET\` with query parameters for those that only read.
  \`/openapi.json\` has the schemas.
- **MCP**: the tool \`aip_<domain>_<verb>\` at \`/mcp\`.
- **SDK**: \`new AipClient().operate('<domain>.<verb>', input)\`, with types.
- **IoAP**: an EXEC_REQUEST to \`operation:<domain>.<verb>\`.

In policies an operation is \`Operation::"<domain>.<verb>"\` in \`Domain::"<domain>"\`, called with \`Action::"operate"\`;
\`resource.effect\` and \`resource.plane\` are the columns below. Operations of the control plane cross a kill and cost
nothing, so that a stopped platform can still be steered; they are authenticated, decided by policy and recorded like
all others.

${tableOf(['Operation', 'What it does', 'Effect', 'Plane', 'Input (? optional)'], rows)}

## Beside the operations

${tableOf(
  ['Path', 'What it does'],
  [
    [
      '`POST /v1/invoke`',
      'Calls any agent, skill, capability, tool, resource or prompt by its address; `"stream": true` answers with Server-Sent Events.',
    ],
    [
      '`GET /v1/tasks/{id}/events`',
      'The numbered events of a task as Server-Sent Events, resumed after `Last-Event-ID`.',
    ],
    ['`GET /v1/events`', 'The log as it grows, heads only, as Server-Sent Events; needs `events.follow`.'],
    ['`POST /v1/login`', 'Trades the one-time code of a login URL for a session cookie.'],
    ['`GET /openapi.json`', 'All of this as OpenAPI 3.1.'],
    ['`GET /healthz`, `/readyz`, `/version`', 'Alive, ready, which version. Open to everybody.'],
    [
      '`GET /metrics`, `/health`, `/agents`',
      'Prometheus metrics; the gateway’s DID; connected agents. Open on this machine, with a token elsewhere.',
    ],
  ],
)}
`;
}

/** The operations of a platform that runs for this moment only. */
async function operations(): Promise<CatalogueEntry[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'aip-docs-'));
  const config = loadConfig({ env: {}, flags: { port: 0, data_dir: path.join(folder, 'data') }, cwd: folder });
  const platform = await startPlatform({ config, log: () => {} });
  try {
    const found = platform.exchange.catalogue.list({ kind: 'operation' });
    return found.toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
  } finally {
    await platform.stop();
    rmSync(folder, { recursive: true });
  }
}

function inputOf(schema: CatalogueEntry['inputSchema']): string {
  const properties = schema?.['properties'];
  const required = Array.isArray(schema?.['required']) ? schema['required'] : [];
  const names = Object.keys(isJsonObject(properties) ? properties : {});
  return names.map((name) => `\`${name}${required.includes(name) ? '' : '?'}\``).join(' ');
}
