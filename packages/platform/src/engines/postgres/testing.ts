import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import pg from 'pg';

/** For tests: a PostgreSQL server of its own in a temporary folder, reached by a socket in it. */
export interface TestCluster extends AsyncDisposable {
  /** The owner's, who may do anything. */
  readonly url: string;
  urlOf(role: string, password: string): string;
  /** Runs statements as the owner. */
  run(...statements: string[]): Promise<void>;
  /** Ends the server at once, as a crash would; `start` brings it back. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const PASSWORD = 'owner-of-the-cluster';
const START_TIMEOUT = 20_000;

export async function startTestCluster(): Promise<TestCluster> {
  const bin = programFolder();
  // Short, because the path of a socket is.
  const home = mkdtempSync(join(tmpdir(), 'aip-pg-'));
  const data = join(home, 'data');
  const as = unprivileged();
  writeFileSync(join(home, 'password'), PASSWORD, { mode: 0o600 });
  if (as) for (const path of [home, join(home, 'password')]) chownSync(path, as.uid, as.gid);
  const made = spawnSync(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'owner',
      '-A',
      'scram-sha-256',
      '--pwfile',
      join(home, 'password'),
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ],
    { ...as, encoding: 'utf8', env: { PATH: process.env['PATH'] } },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.stdout}`);

  const urlOf = (role: string, password: string): string =>
    `postgres://${role}:${password}@localhost/postgres?host=${home}`;
  let server: ReturnType<typeof spawn> | undefined;

  async function run(...statements: string[]): Promise<void> {
    const client = new pg.Client(urlOf('owner', PASSWORD));
    client.on('error', () => {});
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async function start(): Promise<void> {
    server = spawn(join(bin, 'postgres'), ['-D', data, '-k', home, '-c', 'listen_addresses=', '-c', 'fsync=off'], {
      ...as,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'] },
    });
    const until = performance.now() + START_TIMEOUT;
    for (;;) {
      try {
        return await run('SELECT 1');
      } catch (error) {
        if (performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async function stop(): Promise<void> {
    const running = server;
    server = undefined;
    if (!running) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    // Immediate shutdown (postgres(1)): every connection ends.
    running.kill('SIGQUIT');
    await ended;
  }

  await start();
  return {
    url: urlOf('owner', PASSWORD),
    urlOf,
    run,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** For tests: the way to a cluster over a port, and how many bytes of answers went through it. */
export async function startCountingDoor(
  cluster: TestCluster,
): Promise<AsyncDisposable & { urlOf(role: string, password: string): string; passed(): number }> {
  const home = new URL(cluster.url).searchParams.get('host') ?? '';
  let passed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const behind = connect(join(home, '.s.PGSQL.5432'));
    sockets.add(client).add(behind);
    behind.on('data', (chunk) => void (passed += chunk.byteLength));
    pipeline(client, behind, client, () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (role, password) => `postgres://${role}:${password}@127.0.0.1:${port}/postgres`,
    passed: () => passed,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Debian keeps every version in a folder of its own. */
function programFolder(): string {
  const { POSTGRES_BIN } = process.env;
  if (POSTGRES_BIN !== undefined) return POSTGRES_BIN;
  const versions = '/usr/lib/postgresql';
  const [newest = ''] = readdirSync(versions).toSorted((a, b) => Number(b) - Number(a));
  return join(versions, newest, 'bin');
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}
