import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { exchangeOperations } from '../../exchange/operations.ts';
import { createTestExchange, type TestExchangeOptions } from '../../exchange/testing.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import type { Route } from '../../kernel/route.ts';
import { createHttpServer, registerHttpEdge, type HttpEdgeOptions, type HttpServerOptions } from './index.ts';

/** Operations that show how inputs and outputs travel. */
export const sampleOperations: readonly Operation[] = [
  operation({
    name: 'samples.echo',
    summary: 'Gives its input back.',
    effect: 'read',
    plane: 'data',
    input: z.object({
      text: z.string().max(1_000).optional(),
      count: z.number().int().optional(),
      flag: z.boolean().optional(),
      tags: z.array(z.string()).optional(),
      filter: z.record(z.string(), z.string()).optional(),
    }),
    output: z.any(),
    handler: (_call, input) => ({ output: input }),
  }),
  operation({
    name: 'samples.count',
    summary: 'Counts how often it has run.',
    effect: 'write',
    plane: 'data',
    input: z.object({ by: z.number().int().default(1) }),
    output: z.object({ total: z.number(), by: z.string() }),
    handler: ({ principal }, { by }) => ({ output: { total: (total += by), by: principal.id } }),
  }),
];
let total = 0;

export interface TestEdge extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly exchange: Exchange;
  /** Puts an agent that is called in this process into the catalogue. */
  agent(name: string, deliver: Route['deliver'], more?: Partial<CatalogueEntry>): void;
  /** Listens on a free port and says where. */
  listen(): Promise<string>;
}

/** The HTTP edge over a real exchange; the tokens of {@link trusting} are plain names. */
export async function createTestEdge(
  options: TestExchangeOptions & { http?: Partial<HttpEdgeOptions>; server?: Partial<HttpServerOptions> } = {},
): Promise<TestEdge> {
  const made = await createTestExchange({
    ...options,
    operations: [...sampleOperations, ...exchangeOperations(() => made.exchange), ...(options.operations ?? [])],
  });
  const app = createHttpServer({ hosts: [], ...options.server });
  registerHttpEdge(app, made.exchange, {
    version: '0.0.0',
    did: 'did:key:z6MkGateway',
    unready: () => undefined,
    metrics: async () => 'aip_messages_total 1\n',
    connectedAgents: () => [],
    dashboard: '/nonexistent',
    login: () => undefined,
    logout: () => {},
    ...options.http,
  });
  await app.ready();
  return {
    app,
    exchange: made.exchange,
    agent(name, deliver, more) {
      const entry: CatalogueEntry = {
        address: `agent:${name}`,
        kind: 'agent',
        name,
        owner: name,
        ownerName: name,
        description: `The agent ${name}.`,
        effect: 'external',
        idempotent: false,
        price: 0,
        state: 'active',
        ...more,
      };
      made.exchange.catalogue.put(name, [entry]);
      made.exchange.routes.bind(name, { reach: 'local', deliver });
    },
    async listen() {
      await app.listen({ port: 0, host: '127.0.0.1' });
      return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await made[Symbol.asyncDispose]();
    },
  };
}

export interface Received {
  readonly event: string;
  readonly id?: string;
  readonly data: unknown;
}

/** Reads Server-Sent Events until `until` says that it has seen enough, or the stream ends. */
export async function readEvents(
  response: Response,
  until: (events: Received[]) => boolean = () => false,
): Promise<Received[]> {
  const events: Received[] = [];
  let text = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields['event'] !== undefined)
        events.push({
          event: fields['event'],
          ...(fields['id'] === undefined ? {} : { id: fields['id'] }),
          data: JSON.parse(fields['data'] ?? 'null'),
        });
    }
    if (until(events)) break;
  }
  return events;
}

/** Writes bytes to a port as they are and returns what comes back until the other side closes. */
export function sendBytes(url: string, bytes: string | Uint8Array): Promise<string> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
