import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { signCard } from '@aip/wire';
import { registerA2aEdge } from '../edges/a2a/index.ts';
import { createHttpServer, registerHttpEdge } from '../edges/http/index.ts';
import { openTestCore, temporaryFolder, type TestCore, type TestCoreOptions } from '../main/testing.ts';
import type { World } from './cli.ts';
import type { ExitCode } from './exit-codes.ts';
import { localPlatform } from './local-platform.ts';
import type { Local } from './local.ts';
import { runCli } from './run.ts';

/** What a command has left behind. */
export interface Ran {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** For tests: runs a command line in a world of its own; what is not given is empty, or fails. */
export async function runInWorld(
  args: readonly string[],
  world: Partial<Omit<World, 'local'>> & { local?: Partial<Local> } = {},
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, {
    env: {},
    cwd: '/nonexistent',
    terminal: false,
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    secret: absent,
    stopped: () => Promise.resolve(),
    ...world,
    local: () => Promise.resolve({ ...NOWHERE, ...world.local }),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const absent = (): never => {
  throw new Error('This test has no such thing on its machine.');
};

const NOWHERE: Local = {
  settings: () => ({
    url: 'http://127.0.0.1:9',
    dataDir: '/nonexistent',
    tokenFile: '/nonexistent/admin.token',
    adminToken: undefined,
  }),
  start: absent,
  serveStdio: absent,
  keepSecrets: absent,
  verifyAudit: absent,
  exportAudit: absent,
  inspect: absent,
  inspectIssuers: async () => [],
};

/** For tests: a platform in this process with its HTTP and A2A edges, and the command as its operator runs it. */
export interface TestPlatform extends AsyncDisposable {
  readonly core: TestCore;
  readonly url: string;
  readonly folder: string;
  /** Runs a command in the platform's folder; finds platform and credential by the settings, as a user's does. */
  aip(...args: string[]): Promise<Ran>;
  /** The same, with what `-o json` prints. */
  json(...args: string[]): Promise<unknown>;
}

export async function createTestPlatform(options: TestCoreOptions = {}): Promise<TestPlatform> {
  const folder = temporaryFolder();
  const core = await openTestCore(folder.path, options);
  const app = createHttpServer({ hosts: [] });
  const { gateway } = core.core.secrets;
  const dashboard = join(folder.path, 'dashboard');
  mkdirSync(dashboard);
  writeFileSync(join(dashboard, 'index.html'), '<title>AIP</title>');
  registerHttpEdge(app, core.exchange, {
    version: '0.0.0',
    did: gateway.did,
    unready: () => undefined,
    metrics: async () => '',
    connectedAgents: () => [],
    dashboard,
    login: (code) => core.core.logins.redeem(code),
    logout: (token) => core.core.logins.end(token),
  });
  registerA2aEdge(app, core.exchange, { signCard: (card) => signCard(card, gateway), version: '0.0.0' });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const local: Partial<Local> = {
    ...localPlatform({ env: {}, cwd: folder.path }),
    settings: () => ({ url, dataDir: folder.path, tokenFile: join(folder.path, 'admin.token'), adminToken: undefined }),
  };
  const aip = (...args: string[]): Promise<Ran> => runInWorld(args, { cwd: folder.path, local });
  return {
    core,
    url,
    folder: folder.path,
    aip,
    async json(...args) {
      const { out, err } = await aip(...args, '-o', 'json');
      if (out === '') throw new Error(err);
      return JSON.parse(out);
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await core[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
