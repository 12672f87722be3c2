import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { AipError, sign, signCard, toAipError } from '@aip/wire';
import { connectRemoteAgent, registerA2aEdge } from '../edges/a2a/index.ts';
import { createHttpServer, registerHttpEdge } from '../edges/http/index.ts';
import { attachIoapEdge } from '../edges/ioap/index.ts';
import { createMcpUpstreams, registerMcpEdge } from '../edges/mcp/index.ts';
import type { Exchange } from '../exchange/index.ts';
import { originAllowed } from '../exchange/origin.ts';
import { openMetrics } from '../telemetry/provider.ts';
import { createTelemetry, observe } from '../telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { openCore, type Core } from './core.ts';
import type { Log } from './log.ts';
import { mcpOperations } from './mcp-operations.ts';
import { VERSION } from './version.ts';

/** How long live tasks may take to end when the platform stops, in milliseconds. */
const DRAIN = 3_000;

/** The edges that listen; `serve` narrows them to one. */
export type EdgeChoice = 'mcp' | 'a2a';

export interface PlatformOptions {
  readonly config: Config;
  readonly log: Log;
  /** One edge only, beside health and metrics. */
  readonly only?: EdgeChoice;
  /** For trying things out: the first start writes a policy that lets agents call each other. */
  readonly dev?: boolean;
}

/** A running platform. */
export interface Platform {
  readonly url: string;
  readonly gatewayDid: string;
  readonly exchange: Exchange;
  readonly core: Core;
  /** A login URL for the dashboard, good once. */
  loginUrl(): string;
  /** Refuses new work, lets live tasks end for a while, closes every connection and the log. */
  stop(): Promise<void>;
}

/** The composition root of the process. Throws CONFIG_INVALID, CONFLICT (folder or port in use). */
export async function startPlatform({ config, log, only, dev = false }: PlatformOptions): Promise<Platform> {
  await using cleanup = new AsyncDisposableStack();
  const metrics = openMetrics();
  cleanup.defer(() => metrics.stop());
  const core = await openCore({
    config,
    log,
    dev,
    telemetry: createTelemetry(metrics.meter),
    operations: mcpOperations(() => upstreams),
  });
  cleanup.use(core);
  const { exchange, secrets, registry } = core;
  const { gateway } = secrets;
  observe(metrics.meter, 'aip_agents_connected', 'Agents connected now.', () => registry.present().length);
  observe(metrics.meter, 'aip_sessions_live', 'Connections attached to the exchange.', () => exchange.sessions.size);
  let ready = false;

  const hosts = [config.host, ...config.allowed_hosts, ...config.allowed_origins];
  const app = createHttpServer({ hosts, log });
  cleanup.defer(() => app.close());
  const wanted = (edge: EdgeChoice): boolean => only === undefined || only === edge;

  registerHttpEdge(app, exchange, {
    version: VERSION,
    did: gateway.did,
    ready: () => ready,
    metrics: () => metrics.render(),
    connectedAgents: () => registry.present(),
    dashboard: path.resolve(import.meta.dirname, '../../../../apps/dashboard/dist'),
    login: (code) => core.logins.redeem(code),
  });
  if (wanted('a2a')) registerA2aEdge(app, exchange, { signCard: (card) => signCard(card, gateway) });
  const upstreams = createMcpUpstreams(exchange, { servers: config.mcp.servers, log });
  cleanup.defer(() => upstreams.stop());
  if (wanted('mcp'))
    registerMcpEdge(app, exchange, {
      isServer: (name) => upstreams.has(name),
      onError: (error) => log('warn', `mcp: ${error.message}`),
    });
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
  for (const [name, remote] of Object.entries(config.a2a.agents)) {
    const connection = connectRemoteAgent(exchange, { name, ...remote }, (error) =>
      log('warn', `a2a: ${name} cannot be reached`, { error: toAipError(error).message }),
    );
    cleanup.defer(() => connection.close());
  }
  core.recover();
  await listen(app, config);
  ready = true;
  void core.logLost.then((error) => {
    ready = false;
    log(
      'error',
      `the log can no longer be written, so nothing is accepted; start the platform again: ${error.message}`,
    );
  });
  const url = urlOf(app.server.address(), config.host);
  log('info', 'ready', { url, gateway: gateway.did, version: VERSION });

  const resources = cleanup.move();
  return {
    url,
    gatewayDid: gateway.did,
    exchange,
    core,
    loginUrl: () => `${url}/ui#login=${core.logins.issueCode()}`,
    async stop() {
      ready = false;
      await exchange.drain(DRAIN);
      await resources.disposeAsync();
    },
  };
}

async function listen(app: ReturnType<typeof createHttpServer>, config: Config): Promise<void> {
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

function urlOf(address: AddressInfo | string | null, host: string): string {
  const port = typeof address === 'object' && address ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
