import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { freePort } from './free-port.testing.ts';

const BIN = path.resolve(import.meta.dirname, '../../bin/aip.mjs');

let folder: string;
let port: number;
const children: ChildProcessWithoutNullStreams[] = [];
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'aip-main-'));
  port = await freePort();
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true });
});

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly said: { out: string; err: string };
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

const start = (...args: string[]): Running => startWith({ AIP_PORT: String(port) }, ...args);

function startWith(variables: Readonly<Record<string, string>>, ...args: string[]): Running {
  const env = { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1', ...variables };
  const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env });
  children.push(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  return { child, said, ended: once(child, 'exit').then(([code]) => code as number | null) };
}

const saysSoon = (running: Running, where: 'out' | 'err', what: string): Promise<void> =>
  expect.poll(() => running.said[where], { timeout: 20_000, interval: 20 }).toContain(what);

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const { said, ended } = start(...args);
  const code = await ended;
  return { code, ...said };
}

describe(`the aip command ${claim('D-CLI.commands', 'D-CLI.errors')}`, () => {
  it('starts a platform, serves it, keeps its state over a second start, and ends in time', async () => {
    const first = start('up');
    await saysSoon(first, 'out', 'Dashboard');
    expect(first.said.out).toMatch(
      new RegExp(`^AIP ready on http://127.0.0.1:${port}\nDashboard .*: http://127.0.0.1:${port}/ui#login=\\S+\n$`),
    );
    expect((await run('token', 'create', 'kept')).code).toBe(EXIT.ok);
    // A feed that nobody closes must not hold the platform.
    const { out: token } = await run('token', 'create', 'viewer', '--roles', 'viewer');
    const feed = await fetch(`http://127.0.0.1:${port}/v1/events`, {
      headers: { authorization: `Bearer ${token.split('\n')[0]}` },
    });
    expect(feed.status).toBe(200);

    const begun = performance.now();
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(EXIT.ok);
    expect(performance.now() - begun).toBeLessThan(5_000);
    await feed.body?.cancel();

    const second = start('up');
    await saysSoon(second, 'out', 'AIP ready');
    expect((await run('token', 'list')).out).toContain('kept');
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(EXIT.ok);
  });

  it(`logs for people at a terminal, and for programs elsewhere ${claim('D-CLI.log')}`, async () => {
    const elsewhere = start('up');
    await saysSoon(elsewhere, 'err', '\n');
    expect(JSON.parse(elsewhere.said.err.split('\n')[0]!)).toMatchObject({ level: 30, msg: 'ready' });
    elsewhere.child.kill('SIGTERM');
    await elsewhere.ended;

    const out = path.join(folder, 'out.txt');
    const command = `'${process.execPath}' '${BIN}' up > '${out}'`;
    const env = { PATH: process.env['PATH'], HOME: folder, AIP_PORT: String(port), TERM: 'xterm' };
    const child = spawn('script', ['-qfec', command, '/dev/null'], { cwd: folder, env });
    children.push(child);
    let seen = '';
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await expect.poll(() => seen, { timeout: 20_000 }).toMatch(/\d\d:\d\d:\d\d\S* {2}\S*info .*ready .*url=http/);
    expect(seen).not.toContain('{"');
    await expect
      .poll(() => readFileSync(out, 'utf8'))
      .toMatch(/^AIP ready on http:\/\/127\.0\.0\.1:\d+\nDashboard .*\n$/);
  });

  it('says what stands in the way of a start', async () => {
    const running = start('up');
    await saysSoon(running, 'out', 'AIP ready');
    const samePort = await run('up', '--data-dir', 'elsewhere');
    expect([samePort.code, samePort.err]).toEqual([
      EXIT.failed,
      expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
    ]);
    const sameFolder = await run('up', '--port', '0');
    expect([sameFolder.code, sameFolder.err]).toEqual([
      EXIT.failed,
      expect.stringContaining('already runs on the data folder'),
    ]);
    const wrong = await run('up', '--port', 'many');
    expect([wrong.code, wrong.err]).toEqual([EXIT.usage, expect.stringContaining('port')]);
    expect((await run('doctor')).code).toBe(EXIT.ok);
  });

  it('finds a platform on any port by its data folder, unless it is told where it is', async () => {
    const running = startWith({}, 'up', '--port', '0', '--data-dir', 'here');
    await saysSoon(running, 'out', 'Dashboard');
    const [, url] = /ready on (\S+)/.exec(running.said.out) ?? [];
    const status = async (variables: Readonly<Record<string, string>>, ...args: string[]) => {
      const { said, ended } = startWith(variables, 'status', ...args);
      return { code: await ended, ...said };
    };
    expect(await status({}, '--data-dir', 'here')).toMatchObject({
      code: EXIT.ok,
      out: expect.stringContaining(`${url}\n`),
    });
    expect(await status({ AIP_DATA_DIR: 'here' })).toMatchObject({ code: EXIT.ok });
    const nowhere = `http://127.0.0.1:${port}`;
    const told = { code: EXIT.unreachable, err: expect.stringContaining(nowhere) };
    expect(await status({ AIP_DATA_DIR: 'here', AIP_PORT: String(port) })).toMatchObject(told);
    expect(await status({ AIP_DATA_DIR: 'here', AIP_URL: nowhere })).toMatchObject(told);
    expect(await status({ AIP_DATA_DIR: 'here' }, '--url', nowhere)).toMatchObject(told);
    running.child.kill('SIGKILL');
    await running.ended;
    // Its address stands there still, and is not believed.
    const lost = await status({ AIP_DATA_DIR: 'here' });
    expect(lost).toMatchObject({ code: EXIT.unreachable, err: expect.stringContaining('No platform runs on') });
    expect(lost.err).not.toContain(url);
    // Neither is the one asked instead that runs where the settings would have it.
    const other = startWith({}, 'up', '--port', String(port), '--data-dir', 'there');
    await saysSoon(other, 'out', 'Dashboard');
    expect(await status({}, '--data-dir', 'here')).toMatchObject({
      code: EXIT.unreachable,
      err: expect.stringMatching(/No platform runs on (\S+here); "aip up --data-dir \1" starts one\./),
    });
  });

  it('says what is wrong with a source, and which servers are stopped, where one looks for their tools', async () => {
    writeFileSync(
      path.join(folder, 'aip.yaml'),
      'mcp:\n  servers:\n    away: { url: "http://127.0.0.1:9/mcp" }\nsources:\n  openapi:\n    broken: { document: missing.yaml }\n',
    );
    const running = start('up', '--data-dir', 'here');
    await saysSoon(running, 'out', 'Dashboard');
    const problem = { code: EXIT.failed, err: expect.stringMatching(/sources\.openapi\.broken could not be read: .+/) };
    await expect
      .poll(() => run('mcp', 'inspect', 'broken', '--data-dir', 'here'), { timeout: 20_000 })
      .toMatchObject(problem);
    expect(await run('mcp', 'call', 'broken/x', '--data-dir', 'here')).toMatchObject(problem);
    expect((await run('mcp', 'inspect', 'unheard', '--data-dir', 'here')).err).toContain('no MCP server "unheard"');
    expect((await run('mcp', 'list', '--data-dir', 'here')).out).not.toContain('killed');
    await run('kill', 'server:away', '--data-dir', 'here');
    expect((await run('mcp', 'list', '--data-dir', 'here')).out).toMatch(/away .* killed/);
  });

  it('serve offers one protocol and what monitors ask; its operators reach it from this machine', async () => {
    const served = startWith({}, 'serve', '--protocol', 'mcp', '--port', String(port), '--data-dir', 'here');
    await saysSoon(served, 'out', 'Dashboard');
    const statusOf = async (place: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${place}`, { redirect: 'manual' })).status;
    expect(await Promise.all(['/healthz', '/readyz', '/version', '/metrics'].map(statusOf))).toEqual(
      Array.from({ length: 4 }, () => 200),
    );
    const closed = [
      '/',
      '/ui',
      '/openapi.json',
      '/v1/platform/status',
      '/v1/events',
      '/ws',
      '/.well-known/agent-card.json',
    ];
    expect(await Promise.all(closed.map(statusOf))).toEqual(closed.map(() => 404));
    expect(await statusOf('/mcp')).not.toBe(404);
    const { said, ended } = startWith({}, 'kill', 'global', '--data-dir', 'here');
    expect([await ended, said.out]).toEqual([EXIT.ok, expect.stringContaining('global is stopped')]);
    const [, dashboard] = /Dashboard .*: (\S+)\/ui#login/.exec(served.said.out) ?? [];
    expect(dashboard).not.toContain(`:${port}`);
    expect((await fetch(`${dashboard}/ui`)).status).toBe(200);
  });

  it('dev starts anew when aip.yaml changes, and goes on when what it says is wrong', async () => {
    const dev = start('dev');
    await saysSoon(dev, 'out', 'AIP ready');
    writeFileSync(path.join(folder, 'aip.yaml'), 'log_level: nonsense\n');
    await saysSoon(dev, 'err', 'not started anew: aip.yaml:1:1 log_level: ');
    // A running platform can be stopped all the same.
    const status = startWith({}, 'status');
    expect([await status.ended, status.said.err]).toEqual([
      EXIT.ok,
      expect.stringMatching(/^aip: goes on without the settings that are wrong: aip\.yaml:1:1 log_level: .*\n$/),
    ]);
    writeFileSync(path.join(folder, 'aip.yaml'), '');
    await saysSoon(dev, 'err', 'aip.yaml is right again');
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    writeFileSync(path.join(folder, 'aip.yaml'), 'rate:\n  per_second: 7\n');
    await saysSoon(dev, 'err', 'started anew with the settings as they are now');
    expect((await run('status')).code).toBe(EXIT.ok);
    dev.child.kill('SIGTERM');
    expect(await dev.ended).toBe(EXIT.ok);
  });

  it('dev does not miss what is written to aip.yaml while it starts', async () => {
    const dev = start('dev', '--data-dir', 'here');
    await expect.poll(() => existsSync(path.join(folder, 'here', 'gateway.key')), { interval: 5 }).toBe(true);
    writeFileSync(path.join(folder, 'aip.yaml'), 'rate:\n  per_second: 7\n');
    await saysSoon(dev, 'err', 'started anew with the settings as they are now');
  });

  it('serve --stdio speaks MCP and nothing else on standard output', async () => {
    const served = start('serve', '--protocol', 'mcp', '--stdio');
    const initialize = {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    };
    served.child.stdin.write(`${JSON.stringify(initialize)}\n`);
    await saysSoon(served, 'out', '"id":1');
    expect(JSON.parse(served.said.out.split('\n')[0]!)).toMatchObject({
      jsonrpc: '2.0',
      id: 1,
      result: { protocolVersion: '2025-11-25' },
    });
    served.child.stdin.end();
    expect(await served.ended).toBe(EXIT.ok);
  });

  it.each([['--help'], ['secret', 'set', '--help']])(
    'says nothing to nobody: %j in a pipe that is closed',
    async (...args) => {
      const piped = start(...args);
      piped.child.stdout.destroy();
      expect([await piped.ended, piped.said.err]).toEqual([EXIT.ok, '']);
    },
  );

  it('serve --stdio ends in order when it is asked to, and lets go of its data folder', async () => {
    const served = start('serve', '--protocol', 'mcp', '--stdio', '--data-dir', path.join(folder, 'ends'));
    await saysSoon(served, 'err', '"msg":"ready"');
    served.child.kill('SIGTERM');
    expect(await served.ended).toBe(EXIT.ok);
    expect(served.said.out).toBe('');
  });
});
