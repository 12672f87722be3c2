import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AipError,
  generateKeyPair,
  IOAP_SUBPROTOCOL,
  IOAP_VERSION,
  sign,
  signFrame,
  verifyFrame,
  type IoapDraft,
  type IoapFrame,
  type IoapPayloads,
  type IoapType,
  type KeyPair,
} from '@aip/wire';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { createTestExchange, type TestExchangeOptions } from '../../exchange/testing.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { attachIoapEdge, type IoapEdge, type IoapEdgeOptions } from './index.ts';

export interface TestGatewayOptions {
  readonly limits?: IoapEdgeOptions['limits'];
  readonly allowed?: IoapEdgeOptions['allowed'];
  readonly slots?: TestExchangeOptions['slots'];
  /** Only agents with this join token are admitted. */
  readonly joinToken?: string;
  /** 0: any free port. */
  readonly port?: number;
  /** Where the next connection comes from; 127.0.0.1 unless given. */
  readonly from?: () => string;
}

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly did: string;
  readonly exchange: Exchange;
  readonly edge: IoapEdge;
  /** DIDs that `agents.disconnect` was called for. */
  readonly left: string[];
  /** Another edge over the same exchange and log, that has seen nothing yet. */
  restart(): Promise<Pick<TestGateway, 'url' | 'did'> & AsyncDisposable>;
}

/** A real gateway on a free port, over a real exchange whose guards pass and whose registry is a stand-in. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const gatewayKey = generateKeyPair();
  const left: string[] = [];
  const made = await createTestExchange({
    operations: agentOperations(() => made.exchange, left, options.joinToken),
    ...(options.slots ? { slots: options.slots } : {}),
  });
  async function listen(port: number) {
    const server = createServer((_request, response) =>
      response.end(JSON.stringify({ status: 'healthy', did: gatewayKey.did })),
    );
    const edge = attachIoapEdge(server, made.exchange, {
      gateway: { did: gatewayKey.did, sign: (bytes) => sign(bytes, gatewayKey.privateKey) },
      allowed: options.allowed ?? (() => undefined),
      ...(options.limits ? { limits: options.limits } : {}),
    });
    const { from } = options;
    if (from) server.on('connection', (socket) => Object.defineProperty(socket, 'remoteAddress', { value: from() }));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const { port: bound } = server.address() as AddressInfo;
    return {
      url: `ws://127.0.0.1:${bound}/ws`,
      port: bound,
      did: gatewayKey.did,
      edge,
      async [Symbol.asyncDispose]() {
        edge.close();
        server.close();
        server.closeAllConnections();
      },
    };
  }
  const listening = await listen(options.port ?? 0);
  return {
    ...listening,
    exchange: made.exchange,
    left,
    restart: () => listen(0),
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]();
      await made.exchange.drain(100);
      await made[Symbol.asyncDispose]();
    },
  };
}

const connectInput = z.object({
  name: z.string().optional(),
  join_token: z.string().optional(),
  protocol: z.literal('ioap'),
  capabilities: z.array(
    z.looseObject({
      name: z.string(),
      effect: z.enum(['read', 'write', 'external']).optional(),
      idempotent: z.boolean().optional(),
    }),
  ),
});

function agentOperations(exchange: () => Exchange, left: string[], joinToken: string | undefined): Operation[] {
  const known = new Map<string, string>();
  return [
    operation({
      name: 'agents.connect',
      summary: 'An agent announces itself.',
      effect: 'write',
      plane: 'data',
      input: connectInput,
      output: z.any(),
      handler({ principal }, { name = principal.name, join_token, capabilities }) {
        if (joinToken !== undefined && join_token !== joinToken && !known.has(principal.id))
          throw new AipError('NOT_ADMITTED');
        known.set(principal.id, name);
        const common = { owner: principal.id, ownerName: name, description: '', price: 0, state: 'active' } as const;
        const entries: CatalogueEntry[] = [
          {
            ...common,
            kind: 'agent',
            address: `agent:${principal.id}`,
            name,
            effect: 'external',
            idempotent: capabilities.every(({ idempotent }) => idempotent === true),
          },
        ];
        for (const { name: skill, effect = 'external', idempotent = false } of capabilities) {
          entries.push({
            ...common,
            kind: 'skill',
            address: `skill:${principal.id}/${skill}`,
            name: skill,
            effect,
            idempotent,
          });
        }
        exchange().catalogue.put(principal.id, entries);
        return { output: { did: principal.id, name } };
      },
    }),
    operation({
      name: 'agents.disconnect',
      summary: 'An agent leaves.',
      effect: 'write',
      plane: 'data',
      input: z.object({}),
      output: z.any(),
      handler({ principal }) {
        left.push(principal.id);
        return { output: { did: principal.id } };
      },
    }),
  ];
}

/** What a peer was sent: the frame, verified, and its bytes. */
export interface Seen {
  readonly frame: IoapFrame;
  readonly raw: string;
}

/** A peer that speaks the protocol by hand, so that a test can get it wrong. */
export interface Peer {
  readonly key: KeyPair;
  readonly did: string;
  readonly socket: WebSocket;
  readonly seen: Seen[];
  /** Signs a frame; `changes` are made before, `forge` after signing. */
  sign<T extends IoapType>(
    type: T,
    to: string,
    payload: IoapPayloads[T] & object,
    changes?: Partial<IoapDraft>,
    forge?: object,
  ): { id: string; raw: string };
  send(raw: string): void;
  /** Signs, sends, and returns the frame's id and bytes. */
  say<T extends IoapType>(
    type: T,
    to: string,
    payload: IoapPayloads[T] & object,
    changes?: Partial<IoapDraft>,
    forge?: object,
  ): { id: string; raw: string };
  /** The first frame, seen or to come, that fits; each is given once. */
  next(fits: (frame: IoapFrame) => boolean): Promise<Seen>;
  answerTo(id: string): Promise<IoapFrame>;
  register(payload?: Partial<IoapPayloads['REGISTER']>): Promise<IoapFrame>;
  readonly closed: Promise<{ code: number; reason: string }>;
}

export async function openPeer(
  gateway: Pick<TestGateway, 'url' | 'did'>,
  key: KeyPair = generateKeyPair(),
): Promise<Peer> {
  const socket = new WebSocket(gateway.url, [IOAP_SUBPROTOCOL]);
  const seen: Seen[] = [];
  const waiting = new Set<() => void>();
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  socket.on('error', () => {});
  socket.on('message', (bytes) => {
    const raw = (bytes as Buffer).toString();
    seen.push({ frame: verifyFrame(raw).frame, raw });
    for (const look of waiting) look();
  });
  await once(socket, 'open');

  const signed: Peer['sign'] = (type, to, payload, changes = {}, forge = {}) => {
    const draft = {
      id: randomUUID(),
      timestamp: new Date().toISOString(),
      from: key.did,
      to,
      type,
      payload,
      version: IOAP_VERSION,
      ...changes,
    } as IoapDraft;
    // Written as no serialiser would write it again, so that only the very bytes compare equal.
    return { id: draft.id, raw: `{ ${JSON.stringify({ ...signFrame(draft, key), ...forge }).slice(1, -1)}\n}` };
  };
  const say: Peer['say'] = (...args) => {
    const frame = signed(...args);
    socket.send(frame.raw);
    return frame;
  };
  const next: Peer['next'] = (fits) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`No such frame came; seen: ${seen.map(({ raw }) => raw.slice(0, 300)).join('\n')}`));
      }, 20_000);
      const look = (): void => {
        const at = seen.findIndex(({ frame }) => fits(frame));
        if (at < 0) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(seen.splice(at, 1)[0] as Seen);
      };
      waiting.add(look);
      look();
    });
  const answerTo: Peer['answerTo'] = async (id) => (await next((frame) => frame.correlation_id === id)).frame;

  return {
    key,
    did: key.did,
    socket,
    seen,
    sign: signed,
    send: (raw) => socket.send(raw),
    say,
    next,
    answerTo,
    register: (payload = {}) =>
      answerTo(say('REGISTER', gateway.did, { public_key: key.did.slice('did:key:'.length), ...payload }).id),
    closed,
  };
}
