import { hkdfSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { AipError, sign, signCard, toAipError } from '@aip/wire';
import type { FastifyInstance } from 'fastify';
import { connectRemoteAgent, registerA2aEdge } from '../edges/a2a/index.ts';
import {
  createHttpServer,
  isDashboardBuilt,
  protectResources,
  receiveBodies,
  registerHttpEdge,
  statusRoutes,
  type StatusOptions,
} from '../edges/http/index.ts';
import { attachIoapEdge } from '../edges/ioap/index.ts';
import {
  createMcpUpstreams,
  registerLoginEndpoints,
  registerMcpEdge,
  type EdgeChoices,
  type McpUpstreams,
} from '../edges/mcp/index.ts';
import { createOutbound } from '../engines/outbound/fetch.ts';
import type { Exchange } from '../exchange/index.ts';
import { originAllowed } from '../exchange/origin.ts';
import { ADMIN, missingScopes } from '../identity/index.ts';
import { revealHeaders, secretReader, type Revealed } from '../kernel/secret.ts';
import { VERSION } from '../kernel/version.ts';
import { createSources, sourceOperations } from '../sources/index.ts';
import { openMetrics } from '../telemetry/provider.ts';
import { createTelemetry, observe } from '../telemetry/telemetry.ts';
import { isExposed, publishAddress, reachable, urlOf } from './address.ts';
import type { Config } from './config.ts';
import { openCore, type Core } from './core.ts';
import { diskUse } from './disk.ts';
import { restoreServers } from './kept-servers.ts';
import type { Log } from './log.ts';
import { mcpLoginOperations } from './mcp-login-operations.ts';
import { mcpOperations } from './mcp-operations.ts';
import { openSourceDatabase } from './source-database.ts';

/** How long live tasks may take to end when the platform stops, in milliseconds. */
const DRAIN = 3_000;
const LOOPBACK = '127.0.0.1';
/** Where it is built. */
const DASHBOARD = path.resolve(import.meta.dirname, '../../../../apps/dashboard/dist');

/** The edges that listen; `serve` narrows them to one. */
export type EdgeChoice = 'mcp' | 'a2a';

export interface PlatformOptions {
  readonly config: Config;
  readonly log: Log;
  /** One edge only, beside health and metrics; operators then have an address of their own, on this machine only. */
  readonly only?: EdgeChoice;
  /** For trying things out: the first start writes a policy that lets agents call each other. */
  readonly dev?: boolean;
}

/** A running platform. */
export interface Platform {
  readonly url: string;
  /** Where its operators reach it: operations and dashboard. */
  readonly operatorUrl: string;
  readonly gatewayDid: string;
  readonly exchange: Exchange;
  readonly core: Core;
  /** What an MCP edge beside those that listen has to know of the servers. */
  readonly servers: Pick<McpUpstreams, 'watch' | 'extensions'>;
  /** A login URL for the dashboard, good once; undefined while no dashboard is built. */
  loginUrl(): string | undefined;
  /** Refuses new work, lets live tasks end for a while, closes every connection and the log. */
  stop(): Promise<void>;
}

/** The composition root of the process. Throws CONFIG_INVALID, CONFLICT (folder or port in use). */
export async function startPlatform({ config, log, only, dev = false }: PlatformOptions): Promise<Platform> {
  await using cleanup = new AsyncDisposableStack();
  const outbound = createOutbound();
  cleanup.defer(() => outbound.close());
  const metrics = openMetrics(VERSION);
  cleanup.defer(() => metrics.stop());
  const choices: EdgeChoices = { virtual: config.mcp.virtual, searchAbove: config.mcp.search_above };
  const core = await openCore({
    config,
    log,
    dev,
    telemetry: createTelemetry(metrics.meter),
    operations: [
      ...mcpOperations(() => ({
        upstreams,
        exchange,
        vault: core.vault,
        choices,
        isTaken: (name) => sources.has(name),
      })),
      ...mcpLoginOperations(() => upstreams),
      ...sourceOperations(() => sources),
    ],
    pinning: (server) => upstreams.pinning(server) ?? sources.pinning(server),
    fetchFor: outbound.fetchFor,
  });
  cleanup.use(core);
  const { exchange, secrets, registry } = core;
  const { gateway } = secrets;
  observe(metrics.meter, 'aip_agents_connected', 'Agents connected now.', () => registry.present().length);
  observe(metrics.meter, 'aip_sessions_live', 'Connections attached to the exchange.', () => exchange.sessions.size);
  observe(metrics.meter, 'aip_tools_quarantined', 'Tools of MCP servers that are quarantined.', () =>
    core.quarantinedTools(),
  );
  observe(metrics.meter, 'aip_log_bytes', 'Bytes that the log takes on its disk.', () => diskUse(config.data_dir).log);
  observe(
    metrics.meter,
    'aip_disk_free_bytes',
    'Bytes that are free on the disk of the log.',
    () => diskUse(config.data_dir).free,
  );
  let unready: string | undefined = 'It is starting.';

  const publicUrl = config.public_url === undefined ? undefined : new URL(config.public_url).origin;
  const publicHost = publicUrl === undefined ? [] : [new URL(publicUrl).host];
  const hosts = [config.host, ...publicHost, ...config.allowed_hosts, ...config.allowed_origins];
  const app = createHttpServer({ hosts, log });
  cleanup.defer(() => app.close());
  const { scopes } = config.identity;
  if (core.issuers.identifiers.length > 0)
    protectResources(app, {
      issuers: core.issuers.identifiers,
      scopes: [...new Set(Object.values(scopes).flat())],
      firstScopes: scopes.tools,
      recognises: (token) => core.issuers.recognises(token),
      prove: (token, resource) => core.issuers.prove(token, resource),
      publicUrl,
    });
  receiveBodies(app, exchange);
  const wanted = (edge: EdgeChoice): boolean => only === undefined || only === edge;

  const status: StatusOptions = {
    version: VERSION,
    did: gateway.did,
    unready: () => unready ?? core.logFailure(),
    metrics: () => metrics.render(),
    connectedAgents: () => registry.present(),
  };
  // Whoever serves one protocol still has to approve and to kill, and does not want to serve that too.
  const operators = only === undefined ? app : createHttpServer({ hosts: [], log });
  if (operators !== app) {
    cleanup.defer(() => operators.close());
    receiveBodies(operators, exchange);
    statusRoutes(app, exchange, status);
  }
  registerHttpEdge(operators, exchange, {
    ...status,
    dashboard: DASHBOARD,
    login: (code) => core.logins.redeem(code),
    logout: (token) => core.logins.end(token),
    isSecure: only === undefined && publicUrl?.startsWith('https:') === true,
    publicUrl: only === undefined ? publicUrl : undefined,
  });
  if (wanted('a2a'))
    registerA2aEdge(app, exchange, { signCard: (card) => signCard(card, gateway), publicUrl, version: VERSION });
  const baseUrl = (): string => publicUrl ?? urlOf(reachable(config.host), portOf(app));
  const readSecret = secretReader(core.vault, process.env);
  const upstreams = createMcpUpstreams(exchange, {
    servers: config.mcp.servers,
    fetchFor: outbound.fetchFor,
    vault: core.vault,
    readSecret,
    baseUrl,
    log,
  });
  cleanup.defer(() => upstreams.stop());
  const servers: Platform['servers'] = {
    watch: (server, uri, updated) => upstreams.watch(server, uri, updated),
    extensions: upstreams.extensions,
  };
  const sources = createSources(exchange, {
    settings: config.sources,
    folder: process.cwd(),
    fetchFor: outbound.fetchFor,
    readSecret,
    openDatabase: openSourceDatabase(process.cwd(), readSecret),
    log,
  });
  cleanup.defer(() => sources.stop());
  if (wanted('mcp')) {
    registerLoginEndpoints(app, upstreams.logins, baseUrl);
    registerMcpEdge(app, exchange, {
      ...choices,
      sessions: { idle: config.mcp.idle_seconds * 1000, total: config.mcp.max_sessions },
      isServer: (name) => upstreams.has(name) || sources.has(name),
      ...servers,
      stateKey: new Uint8Array(hkdfSync('sha256', secrets.pepper, '', 'aip mcp request state', 32)),
      missingScopes: (principal, action) => missingScopes(principal, action, scopes),
      onError: (error) => log('warn', `mcp: ${error.message}`),
    });
  }
  await app.ready();

  if (only === undefined) {
    const ioap = attachIoapEdge(app.server, exchange, {
      gateway: { did: gateway.did, sign: (bytes) => sign(bytes, gateway.privateKey) },
      allowed: (request) => originAllowed(request.headers, hosts),
      limits: { idle: config.ioap.idle_seconds * 1000, connections: config.ioap.max_connections },
    });
    cleanup.defer(() => ioap.close());
  }

  upstreams.start();
  sources.start();
  const names = { ...upstreams, has: (name: string) => upstreams.has(name) || sources.has(name) };
  await restoreServers(exchange.journal.read, core.vault, names, log);
  const conversationKey = new Uint8Array(hkdfSync('sha256', secrets.pepper, '', 'aip a2a conversations', 32));
  for (const [name, remote] of Object.entries(config.a2a.agents)) {
    const fetch = outbound.fetchFor({ named: [remote.url] });
    const headers = (): Promise<Revealed> => revealHeaders(remote.headers, readSecret);
    const connection = connectRemoteAgent(exchange, { ...remote, name, headers, fetch, conversationKey }, (error) =>
      log('warn', `a2a: ${name} cannot be reached`, { error: toAipError(error).message }),
    );
    cleanup.defer(() => connection.close());
  }
  core.recover();
  await listen(app, config);
  if (operators !== app) await operators.listen({ host: LOOPBACK, port: 0 });
  unready = undefined;
  void core.logLost.then((error) => {
    unready = 'The log can no longer be written; start the platform again.';
    log(
      'error',
      `the log can no longer be written, so nothing is accepted; start the platform again: ${error.message}`,
    );
  });
  const url = urlOf(config.host, portOf(app));
  const operatorUrl = urlOf(operators === app ? reachable(config.host) : LOOPBACK, portOf(operators));
  cleanup.defer(publishAddress(config.data_dir, operatorUrl));
  if (isExposed(config.host))
    log(
      'warn',
      `${url} is reached from the network and has no TLS: tokens and contents can be read on the way. Listen on 127.0.0.1 behind a proxy that terminates TLS; SECURITY.md says more.`,
    );
  log('info', 'ready', { url, gateway: gateway.did, version: VERSION });

  const resources = cleanup.move();
  return {
    url,
    operatorUrl,
    gatewayDid: gateway.did,
    exchange,
    core,
    servers,
    loginUrl: () =>
      isDashboardBuilt(DASHBOARD) ? `${operatorUrl}/ui#login=${core.logins.issueCode(ADMIN)}` : undefined,
    async stop() {
      unready = 'It is stopping.';
      await exchange.drain(DRAIN, (underWay) => {
        if (underWay === 0) return;
        const what = underWay === 1 ? '1 call is' : `${underWay} calls are`;
        log('info', `Stopping; ${what} under way, at most ${DRAIN / 1000} s more.`);
      });
      await resources.disposeAsync();
    },
  };
}

async function listen(app: FastifyInstance, config: Config): Promise<void> {
  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE')
      throw new AipError(
        'CONFLICT',
        `Port ${config.port} on ${config.host} is taken. Stop what listens there, or choose another port with --port.`,
        { cause: error },
      );
    if (code === 'EACCES')
      throw new AipError(
        'CONFIG_INVALID',
        `Port ${config.port} on ${config.host} may not be used by this user; choose one above 1023 with --port.`,
        { cause: error },
      );
    throw new AipError(
      'CONFIG_INVALID',
      `Cannot listen on ${config.host}:${config.port}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

const portOf = ({ server }: FastifyInstance): number => (server.address() as AddressInfo).port;
