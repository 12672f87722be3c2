import type { AddressInfo } from 'node:net';
import { AipError, toAipError, type JsonObject } from '@aip/wire';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { createOutbound } from '../engines/outbound/fetch.ts';
import { oneShot, outcomeOf, type Exchange } from '../exchange/index.ts';
import { createTestExchange } from '../exchange/testing.ts';
import { openVault } from '../identity/index.ts';
import type { Address } from '../kernel/address.ts';
import { data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { ErrorBody } from '../kernel/error-body.ts';
import { secretReader } from '../kernel/secret.ts';
import type { EffectState } from '../kernel/task.ts';
import { PLATFORM_OWNER, type Vault } from '../kernel/vault.ts';
import { openSourceDatabase } from '../main/source-database.ts';
import { createSources, sourcesSchema, type Sources } from './index.ts';

export type SourcesInput = z.input<typeof sourcesSchema>;

/** For tests: sources over a real exchange, vault, outbound fetch and databases. */
export interface TestSources extends AsyncDisposable {
  readonly exchange: Exchange;
  readonly sources: Sources;
  readonly vault: Vault;
  entry(address: string): CatalogueEntry | undefined;
  /** Addresses of what a source offers. */
  offered(source: string): string[];
  /** The end of one call or reading. */
  call(address: string, args?: JsonObject, signal?: AbortSignal): Promise<CallEnd>;
}

export interface CallEnd {
  /** CallToolResult or ReadResourceResult. */
  readonly value: JsonObject;
  readonly error?: ErrorBody;
  readonly effect?: EffectState;
}

export interface TestSourcesOptions {
  /** Where relative paths begin. */
  readonly folder?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly log?: (level: string, message: string, fields: Record<string, unknown>) => void;
}

export async function openTestSources(settings: SourcesInput, options: TestSourcesOptions = {}): Promise<TestSources> {
  const made = await createTestExchange();
  const { exchange, folder } = made;
  const vault = openVault(folder);
  for (const [name, secret] of Object.entries(options.secrets ?? {}))
    await vault.write('default', PLATFORM_OWNER, name, secret);
  const outbound = createOutbound();
  const readSecret = secretReader(vault, options.environment ?? {});
  const at = options.folder ?? folder;
  const sources = createSources(exchange, {
    settings: sourcesSchema.parse(settings),
    folder: at,
    fetchFor: outbound.fetchFor,
    readSecret,
    openDatabase: openSourceDatabase(at, readSecret),
    ...(options.log ? { log: options.log } : {}),
  });
  sources.start();
  await sources.settled();
  const session = () =>
    oneShot({ principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'http' }, Date.now());

  return {
    exchange,
    sources,
    vault,
    entry: (address) => exchange.catalogue.get(address as Address),
    offered: (source) =>
      exchange.catalogue
        .list({ owner: source })
        .map((entry) => entry.address)
        .toSorted(),
    async call(address, args = {}, signal) {
      const action = address.startsWith('tool:') ? 'call' : 'read';
      const draft = { to: address as Address, action, body: data(args) } as const;
      const call = await exchange.send(session(), draft).catch(toAipError);
      if (call instanceof AipError) return { value: {}, error: call.toJSON() };
      signal?.addEventListener('abort', () => call.cancel('caller'));
      const outcome = outcomeOf(await call.ended);
      const value = (outcome.body?.value ?? {}) as JsonObject;
      return outcome.ok ? { value } : { value, error: outcome.error, effect: outcome.effect };
    },
    async [Symbol.asyncDispose]() {
      await sources.stop();
      await outbound.close();
      await made[Symbol.asyncDispose]();
    },
  };
}

/** For tests: an HTTP API of this machine, and what has been asked of it. */
export interface TestApi extends AsyncDisposable {
  readonly url: string;
  readonly app: FastifyInstance;
  readonly requests: { method: string; url: string; headers: FastifyRequest['headers']; body: unknown }[];
}

export async function startTestApi(routes: (app: FastifyInstance) => void): Promise<TestApi> {
  const app = fastify({ forceCloseConnections: true });
  const requests: TestApi['requests'] = [];
  for (const type of ['application/x-www-form-urlencoded', /^multipart\//, 'text/plain', 'application/octet-stream'])
    app.addContentTypeParser(type, { parseAs: 'string' }, (_request, body, parsed) => parsed(null, body));
  app.addHook(
    'preHandler',
    async ({ method, url, headers, body }) => void requests.push({ method, url, headers, body }),
  );
  routes(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, app, requests, [Symbol.asyncDispose]: () => app.close() };
}
