import { AipError } from '@aip/wire';
import type { Exchange } from '../../../exchange/index.ts';
import { checkName, type UpstreamConfig, type UpstreamLog } from './config.ts';
import { startUpstream, type Upstream, type UpstreamStatus } from './upstream.ts';

export type { UpstreamConfig } from './config.ts';

/** The configured MCP servers behind the gateway. */
export interface McpUpstreams {
  /** Begins to connect to all of them; a server that is down holds nobody up. */
  start(): void;
  /** Resolves when each has been tried once, or after `timeout` milliseconds: what they offer is in the catalogue then. */
  settled(timeout: number): Promise<void>;
  /** Adds one while running. Throws CONFIG_INVALID for an unusable name, DUPLICATE for one in use. */
  add(name: string, config: UpstreamConfig): void;
  /** Ends its connections and takes what it offers out of the catalogue. */
  remove(name: string): Promise<void>;
  has(name: string): boolean;
  status(): UpstreamStatus[];
  stop(): Promise<void>;
}

export interface McpUpstreamsOptions {
  readonly servers: Readonly<Record<string, UpstreamConfig>>;
  readonly log?: UpstreamLog;
}

/** Throws CONFIG_INVALID for an unusable name. Commands come from the configuration only, never from a message. */
export function createMcpUpstreams(exchange: Exchange, { servers, log = () => {} }: McpUpstreamsOptions): McpUpstreams {
  const configured = new Map(Object.entries(servers));
  for (const name of configured.keys()) checkName(name);
  const running = new Map<string, Upstream>();

  const run = (name: string, config: UpstreamConfig): void =>
    void running.set(name, startUpstream(exchange, name, config, log));

  return {
    start() {
      for (const [name, config] of configured) if (!running.has(name)) run(name, config);
    },
    async settled(timeout) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeout);
      });
      await Promise.race([Promise.all([...running.values()].map((upstream) => upstream.tried)), late]);
      clearTimeout(timer);
    },
    add(name, config) {
      checkName(name);
      if (configured.has(name))
        throw new AipError(
          'DUPLICATE',
          `There is an MCP server "${name}" already; remove it first or choose another name.`,
        );
      configured.set(name, config);
      run(name, config);
    },
    async remove(name) {
      const upstream = running.get(name);
      if (!configured.delete(name)) throw new AipError('NOT_FOUND', `There is no MCP server "${name.slice(0, 64)}".`);
      running.delete(name);
      await upstream?.stop();
    },
    has: (name) => configured.has(name),
    status: () => [...running.values()].map((upstream) => upstream.status()),
    async stop() {
      await Promise.all([...running.values()].map((upstream) => upstream.stop()));
      running.clear();
    },
  };
}
