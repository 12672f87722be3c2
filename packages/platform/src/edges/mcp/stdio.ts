import type { Readable, Writable } from 'node:stream';
import { AipError, type JsonObject } from '@aip/wire';
import { isJSONRPCNotification, type JSONRPCMessage, type Server } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { Exchange } from '../../exchange/index.ts';
import type { Credential } from '../../kernel/principal.ts';
import { arrivals } from './arrivals.ts';
import { announce, onSettledChange } from './changes.ts';
import { EVERYTHING, type Scope } from './directory.ts';
import { createEdge, type Client, type EdgeOptions } from './edge.ts';
import { takeTaskCalls } from './legacy-tasks.ts';
import { createListeners, listenRequestOf, type Listener, type ListenRequest } from './listening.ts';
import type { Sink } from './message-stream.ts';
import { asProtocolError, errorResponse } from './results.ts';
import { createServer } from './server.ts';
import { serveSubscriptions } from './subscriptions.ts';
import { virtualScope } from './virtual.ts';

/** Bytes that one message may have. */
const MAX_MESSAGE = 10 * 1024 * 1024;
/** Bytes of answers that may wait for the client to read them before no more of its messages are read, … */
const MAX_UNREAD = 4 * 1024 * 1024;
/** … and before it is given up: what it is told unasked does not wait for it. */
const MAX_UNREAD_AT_ALL = 64 * 1024 * 1024;

export interface McpStdio {
  close(): Promise<void>;
  /** Resolves when the client has closed its end. Rejects when it is given up: PAYLOAD_TOO_LARGE, SLOW_CONSUMER. */
  readonly closed: Promise<void>;
}

export interface McpStdioOptions extends EdgeOptions {
  /** The virtual server to serve; everything unless given. */
  readonly server?: string | undefined;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
}

/**
 * Serves the one client at the other end of standard input and output, in whichever era it opens with. Throws
 * NOT_FOUND for a virtual server that is not configured.
 */
export function serveMcpStdio(
  exchange: Exchange,
  credential: Credential,
  { server: name, stdin = process.stdin, stdout = process.stdout, ...choices }: McpStdioOptions = {},
): McpStdio {
  const principal = exchange.authenticate(credential);
  const edge = createEdge(exchange, choices);
  const scope: Scope = name === undefined ? EVERYTHING : virtualScope(edge.virtual, name);
  const { promise: closed, resolve: end, reject: giveUp } = Promise.withResolvers<void>();
  // Not everybody waits for it.
  closed.catch(() => {});
  const session = exchange.sessions.attach({ principal, edge: 'mcp', close: () => void handle.close() });
  const client: Client = { session, scope };
  const older = new Set<Server>();
  const listeners = createListeners(edge);
  const unsubscribe: (() => void)[] = [];

  const transport = new StdioServerTransport(stdin, stdout, { maxBufferSize: MAX_MESSAGE });
  const leave = keepPace(transport, stdin, stdout, giveUp);
  const handle = serveStdio(
    ({ era }) => {
      const server = createServer(edge, client, era);
      if (era === 'modern') return server;
      older.add(server);
      takeTaskCalls(transport, server, edge, client);
      if (scope.kind !== 'agent') unsubscribe.push(serveSubscriptions(server, edge, client));
      return server;
    },
    { transport, onerror: (error) => isTooLarge(error) && giveUp(tooLarge()) },
  );
  const unfollow = onSettledChange(edge.directory, (owner, lists) => {
    listeners.announce(owner, lists);
    if (!edge.directory.concerns(scope, owner)) return;
    for (const server of older) announce(server, scope, lists);
  });
  serveListening(transport, (request, sink) => listeners.open(client, request, sink));
  holdBack(transport, (message) => arrivals(edge, scope, message));
  const closing = transport.onclose?.bind(transport);
  const onclose = (): void => {
    leave();
    closing?.();
    unfollow();
    for (const stop of unsubscribe) stop();
    listeners.close();
    edge.directory.close();
    exchange.sessions.detach(session);
    end();
  };
  Object.assign(transport, { onclose });
  return {
    close() {
      listeners.close();
      return handle.close();
    },
    closed,
  };
}

/** What the SDK says before it closes. */
const isTooLarge = ({ message }: Error): boolean => message.startsWith('ReadBuffer exceeded maximum size');

const tooLarge = (): AipError =>
  new AipError(
    'PAYLOAD_TOO_LARGE',
    `A message of the client on standard input has more than ${MAX_MESSAGE / 1024 / 1024} MiB.`,
  );

/** Whoever writes without reading is not read either, so that its answers do not pile up here. Returns how to end that. */
function keepPace(
  transport: StdioServerTransport,
  stdin: Readable,
  stdout: Writable,
  giveUp: (reason: AipError) => void,
): () => void {
  const deliver = transport.send.bind(transport);
  // The SDK listens anew for each message that waits.
  stdout.setMaxListeners(0);
  const goOn = (): void => void stdin.resume();
  const send = (message: JSONRPCMessage): Promise<void> => {
    const sent = deliver(message);
    if (stdout.writableLength > MAX_UNREAD_AT_ALL) {
      giveUp(new AipError('SLOW_CONSUMER', 'The client on standard output does not read what it is told.'));
      void transport.close();
    } else if (stdout.writableLength > MAX_UNREAD && !stdin.isPaused()) {
      stdin.pause();
      stdout.once('drain', goOn);
    }
    return sent;
  };
  Object.assign(transport, { send });
  return () => void stdout.off('drain', goOn);
}

/** Lets a message wait for what it depends on; those behind it do not wait for it. */
function holdBack(
  transport: StdioServerTransport,
  expected: (message: JSONRPCMessage) => Promise<unknown> | undefined,
) {
  const handOn = transport.onmessage?.bind(transport);
  const onmessage = (message: JSONRPCMessage): void => {
    const wait = expected(message);
    if (wait) void wait.then(() => handOn?.(message));
    else handOn?.(message);
  };
  Object.assign(transport, { onmessage });
}

/** Takes subscriptions/listen, and what takes one back, before the SDK sees it. */
function serveListening(
  transport: StdioServerTransport,
  open: (request: ListenRequest, sink: Sink) => Promise<Listener | undefined>,
): void {
  const opened = new Map<string | number, Promise<Listener | undefined>>();
  const send = (message: JsonObject): void => void transport.send(message as unknown as JSONRPCMessage).catch(() => {});
  const handOn = transport.onmessage?.bind(transport);

  function listen(request: ListenRequest): void {
    const { id } = request;
    const sink = { send, end: () => void opened.delete(id) };
    const listening = open(request, sink);
    opened.set(id, listening);
    listening.catch((error: unknown) => {
      opened.delete(id);
      send(errorResponse(id, asProtocolError(error)));
    });
  }

  const onmessage = (message: JSONRPCMessage): void => {
    const request = listenRequestOf(message);
    if (request) return listen(request);
    const cancelled = isJSONRPCNotification(message) && message.method === 'notifications/cancelled';
    const id = cancelled ? (message.params?.['requestId'] as string | number) : undefined;
    const listening = id === undefined ? undefined : opened.get(id);
    if (!listening || id === undefined) {
      handOn?.(message);
      return;
    }
    opened.delete(id);
    void listening.then((listener) => listener?.end(false)).catch(() => {});
  };
  Object.assign(transport, { onmessage });
}
