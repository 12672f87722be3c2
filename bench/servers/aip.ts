import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from '../../packages/platform/src/kernel/body.ts';
import { textOf } from '../../packages/platform/src/kernel/body.ts';
import type { CatalogueEntry } from '../../packages/platform/src/kernel/catalogue.ts';
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
  rate: { per_second: 1_000_000, burst: 1_000_000 },
  mcp: { servers: { far: { url: `${upstream.url}/mcp` } } },
};
const platform = await startPlatform({ config: loadConfig({ env: {}, flags, cwd: folder }), log: () => {} });
const ready = performance.now() - started;

const common = {
  owner: 'echo',
  ownerName: 'echo',
  description: 'Says it again.',
  effect: 'external',
  idempotent: false,
  price: 0,
  state: 'active',
} as const;
const agent: CatalogueEntry = { ...common, address: 'agent:echo', kind: 'agent', name: 'echo' };
const tool: CatalogueEntry = {
  ...common,
  address: 'tool:echo/echo',
  kind: 'tool',
  name: 'echo',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
};
const { catalogue, routes } = platform.exchange;
catalogue.put('echo', [agent, tool]);
routes.bind('echo', {
  reach: 'local',
  async *deliver({ message }) {
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
  },
});
const { AipClient } = await import('../../packages/sdk/src/index.ts');
const admin = new AipClient({ url: platform.url, token: platform.core.secrets.adminToken });
const { join_token } = await admin.operate('agents.invite', { name: 'far' });
await startTarget('targets/ioap-agent.ts', platform.url, join_token);
tell({ url: platform.url, token: platform.core.secrets.adminToken, ready: ready.toFixed(0) });
