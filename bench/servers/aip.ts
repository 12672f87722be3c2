import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from '../../packages/platform/src/kernel/body.ts';
import { textOf } from '../../packages/platform/src/kernel/body.ts';
import type { CatalogueEntry } from '../../packages/platform/src/kernel/catalogue.ts';
import type { RouteCall } from '../../packages/platform/src/kernel/route.ts';
import type { RouteEvent } from '../../packages/platform/src/kernel/task.ts';
import { loadConfig } from '../../packages/platform/src/main/config.ts';
import { startPlatform } from '../../packages/platform/src/main/platform.ts';
import { startTarget } from '../targets/start.ts';
import { tell } from './report.ts';

/**
 * The platform itself: every guard, every entry durable. An agent and a tool answer inside the process; another
 * agent, over IoAP, and an MCP server are processes of their own, whose time is not counted.
 */
const upstream = await startTarget<{ url: string }>('servers/mcp-sdk.ts');
const folder = mkdtempSync(path.join(tmpdir(), 'aip-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const started = performance.now();
const flags = {
  data_dir: folder,
  port: 0,
  rate: { per_second: 1_000_000, burst: 1_000_000, bytes_per_second: 1e12, bytes_burst: 1e12 },
  mcp: { servers: { far: { url: `${upstream.url}/mcp` } } },
};
const platform = await startPlatform({ config: loadConfig({ env: {}, flags, cwd: folder }), log: () => {} });
const ready = performance.now() - started;

/** Answers in this process: `look` changes nothing, `echo` may change anything and so is accepted, durably, before it starts. */
function serve(owner: string, effect: CatalogueEntry['effect']): void {
  const common = {
    owner,
    ownerName: owner,
    description: 'Says it again.',
    effect,
    idempotent: false,
    price: 0,
    state: 'active',
  } as const;
  const agent: CatalogueEntry = { ...common, address: `agent:${owner}`, kind: 'agent', name: owner };
  const tool: CatalogueEntry = {
    ...common,
    address: `tool:${owner}/echo`,
    kind: 'tool',
    name: 'echo',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  };
  platform.exchange.catalogue.put(owner, [agent, tool]);
  platform.exchange.routes.bind(owner, { reach: 'local', deliver });
}

async function* deliver({ message }: RouteCall): AsyncIterable<RouteEvent> {
  const said = textOf(message.body);
  if (message.body.type === 'data') {
    yield { type: 'done', body: { type: 'mcp', value: { content: [{ type: 'text', text: said }] } } };
    return;
  }
  if (said !== 'task') {
    yield { type: 'done', body: { type: 'a2a', value: { messageId: message.id, parts: [{ text: said }] } } };
    return;
  }
  yield { type: 'working' };
  yield { type: 'output', artifactId: 'result', name: 'result', last: true, body: text('done') };
  yield { type: 'done', body: text('') };
}

serve('look', 'read');
serve('echo', 'external');

const { AipClient } = await import('../../packages/sdk/src/index.ts');
const admin = new AipClient({ url: platform.url, token: platform.core.secrets.adminToken });
const { join_token } = await admin.operate('agents.invite', { name: 'far' });
await startTarget('targets/ioap-agent.ts', platform.url, join_token);
tell({ url: platform.url, token: platform.core.secrets.adminToken, ready: ready.toFixed(0) });
