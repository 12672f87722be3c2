import { verifyAgentCardSignature, type StreamResponse, type Task } from '@a2a-js/sdk';
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
  type Client,
} from '@a2a-js/sdk/client';
import { generateKeyPair, importPublicKey, keyIdOfDid, publicKeyOfDid, signCard, type JsonObject } from '@aip/wire';
import Fastify from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import { exchangeOperations } from '../../exchange/operations.ts';
import { createTestExchange, type TestExchangeOptions } from '../../exchange/testing.ts';
import type { EntryDraft } from '../../kernel/entry.ts';
import type { Route } from '../../kernel/route.ts';
import { agentDecider, createDoor, createRegistry, registryOperations, type Capability } from '../../registry/index.ts';
import { registerA2aEdge } from './index.ts';

export interface Gateway extends AsyncDisposable {
  readonly url: string;
  readonly exchange: Exchange;
  readonly app: ReturnType<typeof Fastify>;
  /** Admits an agent, announces its skills and delivers to it. Returns its DID. */
  agent(
    name: string,
    skills: readonly (Partial<Capability> & { name: string })[],
    deliver: Route['deliver'],
    did?: string,
  ): Promise<string>;
  /** The official client of an agent, or of the gateway itself. */
  client(agent: string | undefined, options?: { token?: string; binding?: Binding }): Promise<Client>;
}

export type Binding = 'JSONRPC' | 'HTTP+JSON';

/** The edge on a real server over a real exchange with the real registry; guards pass unless the test gives its own. */
export async function startGateway(options: TestExchangeOptions & { publicUrl?: string } = {}): Promise<Gateway> {
  const registry = createRegistry(() => Date.now());
  const keys = generateKeyPair();
  const started: { exchange?: Exchange } = {};
  const running = (): Exchange => started.exchange as Exchange;
  const own = [
    ...exchangeOperations(running),
    ...registryOperations(
      registry,
      running,
      createDoor(
        () => running().journal.read,
        Buffer.from('pepper'),
        () => Date.now(),
      ),
      { tokensOf: () => [] },
      () => Date.now(),
    ),
  ];
  const made = await createTestExchange({
    ...options,
    operations: [...own, ...(options.operations ?? [])],
    deciders: [agentDecider, ...(options.deciders ?? [])],
  });
  const { exchange } = made;
  started.exchange = exchange;
  registry.start(exchange);
  const app = Fastify();
  registerA2aEdge(app, exchange, {
    signCard: (card) => signCard(card, keys),
    publicUrl: options.publicUrl,
    version: '1.2.3',
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });

  return {
    url,
    exchange,
    app,
    async agent(name, skills, deliver, did = generateKeyPair().did) {
      const capabilities = skills.map((skill) => ({
        description: '',
        effect: 'external',
        idempotent: false,
        price: 0,
        ...skill,
      }));
      const card = { description: `The agent ${name}.`, version: '1.2.3', protocol: 'test', capabilities };
      const entries: EntryDraft[] = [
        { kind: 'agent.admit', head: { did, name, roles: [], by: 'test' } },
        { kind: 'agent.connect', head: { did, card: card as unknown as JsonObject } },
      ];
      const verdict = await exchange.journal.commit({ tenant: 'default', entries });
      if (!verdict.ok) throw new Error(verdict.error.message);
      registry.connect(did);
      exchange.routes.bind(did, { reach: 'local', deliver });
      return did;
    },
    client: (agent, { token = 'alice', binding = 'JSONRPC' } = {}) => officialClient(url, agent, token, binding),
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
      await made[Symbol.asyncDispose]();
    },
  };
}

/** The official client with a bearer token, on the binding that the test asks for. */
export async function officialClient(
  url: string,
  agent: string | undefined,
  token: string,
  binding: Binding,
): Promise<Client> {
  const authorized: typeof fetch = (input, init) =>
    fetch(input, {
      ...init,
      headers: { ...(init?.headers as Record<string, string>), authorization: `Bearer ${token}` },
    });
  const factory = new ClientFactory({
    transports: [
      new JsonRpcTransportFactory({ fetchImpl: authorized }),
      new RestTransportFactory({ fetchImpl: authorized }),
    ],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl: authorized }),
    preferredTransports: [binding],
  });
  const path = agent === undefined ? '/.well-known/agent-card.json' : `/a2a/${agent}/.well-known/agent-card.json`;
  return factory.createFromUrl(url, path);
}

/** The official verifier, with the key inside a did:key. */
export const officialVerifier = verifyAgentCardSignature(async (keyId) => {
  const did = keyId.split('#', 1)[0] as string;
  if (keyId !== keyIdOfDid(did)) throw new Error(`${keyId} is not a key of ${did}`);
  return importPublicKey(publicKeyOfDid(did));
});

/** What the official client takes for a message, with the fields that its types want. */
export function send(
  text: string,
  more: {
    messageId?: string;
    taskId?: string;
    contextId?: string;
    metadata?: Record<string, unknown>;
    returnImmediately?: boolean;
    historyLength?: number;
  } = {},
) {
  const { returnImmediately, historyLength, ...message } = more;
  return {
    tenant: '',
    message: {
      messageId: crypto.randomUUID(),
      contextId: '',
      taskId: '',
      role: 1,
      parts: [{ content: { $case: 'text' as const, value: text }, metadata: undefined, filename: '', mediaType: '' }],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
      ...message,
    },
    configuration: {
      acceptedOutputModes: [],
      taskPushNotificationConfig: undefined,
      returnImmediately: returnImmediately ?? false,
      ...(historyLength === undefined ? {} : { historyLength }),
    },
    metadata: undefined,
  };
}

/** The task that an event of a stream holds. */
export function taskIn(response: StreamResponse | undefined): Task {
  if (response?.payload?.$case !== 'task') throw new Error(`expected a task, not ${JSON.stringify(response)}`);
  return response.payload.value;
}
