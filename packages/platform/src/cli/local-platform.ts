import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_TENANT } from '../kernel/principal.ts';
import { PLATFORM_OWNER } from '../kernel/vault.ts';
import { isExposed, reachable, runningAddress, urlOf } from '../main/address.ts';
import { fileOf, loadClientSettings, loadConfig, type Config } from '../main/config.ts';
import { foreignLog, lostLog } from '../main/data-folder.ts';
import { createLogger, logWith, type Log } from '../main/log.ts';
import type { Platform } from '../main/platform.ts';
import { callLines } from './call-lines.ts';
import { brokenPolicies } from './checks.ts';
import { diskChecks } from './disk-check.ts';
import { faultsOf } from './exit-codes.ts';
import type { Check, Flags, Local, Running, Settings, StartOptions } from './local.ts';
import { logLine } from './log-lines.ts';
import { styleFor } from './table.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether standard error, where the log goes, is a terminal: then people read it, else programs. */
  readonly terminal?: boolean;
}

const TOKEN_FILE = 'admin.token';
/** Files of the data folder that hold secrets. */
const SECRET_FILES = [TOKEN_FILE, 'gateway.key', 'pepper.key', 'vault.key'];
/** How often `aip dev` looks whether the settings have changed, in milliseconds. */
const WATCH_INTERVAL = 500;
/** Levels of the log at which `aip dev` tells of every call. */
const TELLS_CALLS: ReadonlySet<string> = new Set(['debug', 'info']);

/** What runs in this process: the composition root and what reads the data folder, each loaded when it is asked for. */
export function localPlatform({ env, cwd, terminal = false }: Surroundings): Local {
  const style = styleFor(terminal, env);
  const configOf = (flags: Flags): Config => loadConfig({ env, flags, cwd });

  /** Where a platform runs is better known to itself than to the settings, unless a variable names another. */
  const runningUrl = (folder: string): string | undefined =>
    env['AIP_PORT'] || env['AIP_HOST'] ? undefined : runningAddress(folder);

  function faultsIn(flags: Flags): Pick<Settings, 'faults'> {
    try {
      configOf(flags);
      return {};
    } catch (error) {
      return { faults: faultsOf(error) };
    }
  }

  const logOf = (config: Config, dev: boolean): Log =>
    logWith(createLogger(config.log_level, dev || terminal ? logLine(style) : undefined));

  async function launch(config: Config, { only, dev = false }: StartOptions): Promise<Running> {
    const { startPlatform } = await import('../main/platform.ts');
    const platform = await startPlatform({
      config,
      log: logOf(config, dev),
      dev,
      ...(only === undefined ? {} : { only }),
    });
    if (dev && TELLS_CALLS.has(config.log_level)) tellCalls(platform);
    return {
      url: platform.url,
      loginUrl: platform.loginUrl(),
      stop: () => platform.stop(),
    };
  }

  function tellCalls({ exchange }: Platform): void {
    const lineOf = callLines(exchange, style);
    exchange.journal.follow('all', (entry) => {
      const line = lineOf(entry);
      if (line !== undefined) process.stderr.write(`${line}\n`);
    });
  }

  /** Starts again when `aip.yaml` changes; with the settings as they were when those it has now do not work. */
  async function launchAnewOnChange(first: Config, options: StartOptions): Promise<Running> {
    const log = logOf(first, true);
    const begun = await launch(first, options);
    let config = first;
    let running: Running | undefined = begun;
    let turn = Promise.resolve();
    let stopping = false;
    /** Whether what the file says has not worked the last time. */
    let isWrong = false;

    async function restart(): Promise<void> {
      if (stopping) return;
      const next = configOf(options.flags);
      // A file is often written in several steps.
      if (isDeepStrictEqual(next, config)) {
        if (isWrong) log('info', `${path.basename(file)} is right again; it says what is in force`);
        isWrong = false;
        return;
      }
      await running?.stop();
      running = undefined;
      try {
        running = await launch(next, options);
        config = next;
        isWrong = false;
        log('info', 'started anew with the settings as they are now', { url: running.url });
      } catch (error) {
        running = await launch(config, options);
        throw error;
      }
    }

    const file = fileOf({ env, cwd });
    // The first look always reads it: it may have changed while the platform was starting.
    let seen: number | undefined = Number.NaN;
    const watcher = setInterval(() => {
      const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
      if (written === seen) return;
      seen = written;
      turn = turn.then(restart).catch((error: unknown) => {
        isWrong = true;
        log('error', `not started anew: ${faultsOf(error).join('; ')}`);
      });
    }, WATCH_INTERVAL);
    return {
      ...begun,
      async stop() {
        stopping = true;
        clearInterval(watcher);
        await turn;
        await running?.stop();
      },
    };
  }

  return {
    settings(flags) {
      const sources = { env, flags, cwd };
      const { data_dir: dataDir } = loadClientSettings(sources, 'data_dir');
      const running = runningUrl(dataDir);
      const named = flags['data_dir'] !== undefined || Boolean(env['AIP_DATA_DIR']);
      return {
        url: running ?? urlIn(loadClientSettings(sources, 'host', 'port')),
        idle: named && running === undefined && !env['AIP_PORT'] && !env['AIP_HOST'],
        dataDir,
        tokenFile: path.join(dataDir, TOKEN_FILE),
        // Who brings a token along does not need this one.
        get adminToken() {
          return loadClientSettings(sources, 'admin_token').admin_token;
        },
        ...faultsIn(flags),
      };
    },
    async start(options) {
      const config = configOf(options.flags);
      return options.dev ? launchAnewOnChange(config, options) : launch(config, options);
    },
    async serveStdio(flags, stopped, server) {
      const { startPlatform } = await import('../main/platform.ts');
      const { serveMcpStdio } = await import('../edges/mcp/index.ts');
      // Its one client is on the standard streams; a port is not what it was started for.
      const config = configOf({ ...flags, port: flags['port'] ?? 0 });
      const platform = await startPlatform({ config, log: logOf(config, false), only: 'mcp' });
      const { virtual, search_above: searchAbove } = config.mcp;
      try {
        const served = serveMcpStdio(
          platform.exchange,
          { kind: 'local', name: 'stdio', roles: ['caller'] },
          { virtual, searchAbove, server, ...platform.servers },
        );
        void stopped.then(() => served.close());
        await served.closed;
      } finally {
        await platform.stop();
      }
    },
    async keepSecrets(dataDir, secrets) {
      const { claimDataFolder, isClaimed } = await import('../main/data-folder.ts');
      if (isClaimed(dataDir)) return false;
      const { openVault } = await import('../identity/index.ts');
      const folder = claimDataFolder(dataDir);
      try {
        const vault = openVault(folder.path);
        for (const [name, secret] of Object.entries(secrets))
          await vault.write(DEFAULT_TENANT, PLATFORM_OWNER, name, secret);
      } finally {
        folder.release();
      }
      return true;
    },
    async verifyAudit(source) {
      const { verifyExport, verifyFolder } = await import('../main/audit.ts');
      if ('exported' in source) return [await verifyExport(source.exported, source.gateway, source.kept)];
      return verifyFolder(source.dataDir, source.kept);
    },
    async exportAudit(dataDir, file) {
      const { exportFolder } = await import('../main/audit.ts');
      return exportFolder(dataDir, file);
    },
    inspect: async (settings) => [
      ...networkChecks(loadClientSettings({ env, cwd }, 'host')),
      ...secretChecks(settings),
      ...logChecks(settings),
      ...diskChecks(settings.dataDir),
      ...(await policyChecks(settings)),
    ],
    async inspectIssuers() {
      const { issuers } = configOf({}).identity;
      if (Object.keys(issuers).length === 0) return [];
      const { checkIssuers } = await import('../main/issuer-checks.ts');
      return (await checkIssuers(issuers)).map((check) => ({ ...check, name: `identity.issuers.${check.name}` }));
    },
  };
}

const urlIn = ({ host, port }: Pick<Config, 'host' | 'port'>): string => urlOf(reachable(host), port);

/** Of a platform on the network. A proxy may stand before it, which cannot be seen from here. */
function networkChecks({ host }: Pick<Config, 'host'>): Check[] {
  if (!isExposed(host)) return [];
  const detail = `host ${host} is reached from the network, without TLS`;
  const remedy = 'listen on 127.0.0.1 behind a proxy that terminates TLS; SECURITY.md says more';
  return [{ name: 'network', ok: true, waits: true, detail, remedy }];
}

function secretChecks({ dataDir }: Settings): Check[] {
  if (!existsSync(dataDir)) return [{ name: 'data folder', ok: true, detail: 'not there yet; "aip up" makes it' }];
  return SECRET_FILES.map((name) => path.join(dataDir, name))
    .filter((file) => existsSync(file))
    .map((file) => {
      const mode = statSync(file).mode & 0o777;
      const ok = process.platform === 'win32' || (mode & 0o077) === 0;
      const detail = `${path.basename(file)} has mode ${mode.toString(8).padStart(4, '0')}`;
      return { name: 'secrets', ok, detail, ...(ok ? {} : { remedy: `chmod 600 ${file}` }) };
    });
}

function logChecks({ dataDir }: Settings): Check[] {
  const foreign = foreignLog(dataDir);
  if (foreign !== undefined) return [{ name: 'log', ok: false, detail: foreign }];
  const detail = lostLog(dataDir);
  const remedy = 'restore it from a backup; "aip up" would begin a new one';
  return detail === undefined ? [] : [{ name: 'log', ok: false, detail, remedy }];
}

async function policyChecks({ dataDir }: Settings): Promise<Check[]> {
  const folder = path.join(dataDir, 'policies');
  if (!existsSync(folder)) return [];
  const { openPolicyFolder } = await import('../governance/policy/index.ts');
  const policies = await openPolicyFolder({ folder, onChange: () => {} });
  policies.stop();
  if (policies.error) return [brokenPolicies(policies.error.message)];
  return [{ name: 'policies', ok: true, detail: `${policies.set?.policies.length ?? 0} in force` }];
}
