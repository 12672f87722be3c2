import { AipError, isJsonObject, parseJson, type Json, type JsonObject } from '@aip/wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import type { Session } from '../../kernel/session.ts';
import { traceIn } from '../../kernel/trace.ts';
import { closing } from '../../kernel/when-closed.ts';
import { authenticate, lastEventId, requireVersion, sessionOf, versionOf } from './caller.ts';
import { errorHeaders, jsonRpcError, jsonRpcStatus } from './errors.ts';
import { isLegacyMethod, LEGACY_STREAMING, LegacyFailure, loadLegacyBinding, type LegacyBinding } from './legacy.ts';
import { LEGACY_VERSION } from './protocol.ts';
import type { A2aService, Caller, StreamItem } from './service.ts';
import type { Framing, StreamEvents } from './sse.ts';
import { agentOf } from './target.ts';

/** The JSON-RPC 2.0 binding (section 9): one POST for every operation. */

type Id = string | number | null;

interface RpcRequest {
  readonly id: Id;
  readonly method: string;
  readonly params: Json | undefined;
}

type Unary = (service: A2aService, caller: Caller, params: Json | undefined) => Promise<unknown>;

const UNARY: ReadonlyMap<string, Unary> = new Map<string, Unary>([
  ['SendMessage', (service, caller, params) => service.sendMessage(caller, params)],
  ['GetTask', (service, caller, params) => service.getTask(caller, params)],
  ['ListTasks', (service, caller, params) => service.listTasks(caller, params)],
  ['CancelTask', (service, caller, params) => service.cancelTask(caller, params)],
  [
    'GetExtendedAgentCard',
    () =>
      Promise.reject(new AipError('UNSUPPORTED_OPERATION', 'There is no extended card; the public card is complete.')),
  ],
  ...['Create', 'Get', 'Delete'].map((verb): [string, Unary] => [`${verb}TaskPushNotificationConfig`, noPush]),
  ['ListTaskPushNotificationConfigs', noPush],
]);

type Streaming = (
  service: A2aService,
  caller: Caller,
  params: Json | undefined,
  request: FastifyRequest,
) => Promise<AsyncIterable<StreamItem>>;

const STREAMING: ReadonlyMap<string, Streaming> = new Map<string, Streaming>([
  ['SendStreamingMessage', (service, caller, params) => service.sendStreamingMessage(caller, params)],
  [
    'SubscribeToTask',
    (service, caller, params, request) => service.subscribeToTask(caller, params, lastEventId(request)),
  ],
]);

function noPush(): Promise<never> {
  return Promise.reject(new AipError('PUSH_NOTIFICATION_NOT_SUPPORTED'));
}

export function jsonRpcHandler(exchange: Exchange, service: A2aService, streamEvents: StreamEvents) {
  let legacy: Promise<LegacyBinding> | undefined;

  return async function handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    let id: Id = null;
    try {
      const principal = authenticate(exchange, request);
      const body = parseJson(request.body as Uint8Array);
      id = idOf(body);
      const { method, params } = readRequest(body, id);
      const callerOf = callers(request, reply);
      const oneShot = (): Caller => callerOf(sessionOf(exchange, principal), closing(reply.raw, exchange.whenDrained));
      if (isLegacyMethod(method) && versionOf(request) === LEGACY_VERSION) {
        const binding = await (legacy ??= loadLegacyBinding(service));
        if (!LEGACY_STREAMING.has(method))
          return await answer(reply, 200, await binding.answer(oneShot(), body as JsonObject));
        return await streamEvents(reply, principal, whole(id), (session, listening) =>
          binding.stream(callerOf(session, listening), body as JsonObject),
        );
      }
      requireVersion(request);
      const streaming = STREAMING.get(method);
      if (streaming)
        return await streamEvents(reply, principal, enveloped(id), (session, listening) =>
          streaming(service, callerOf(session, listening), params, request),
        );
      const unary = UNARY.get(method);
      if (!unary) throw new AipError('METHOD_NOT_FOUND', `A2A has no method "${method.slice(0, 64)}".`);
      return await answer(reply, 200, { jsonrpc: '2.0', id, result: await unary(service, oneShot(), params) });
    } catch (error) {
      if (error instanceof LegacyFailure) return answer(reply, 200, error.response);
      return answer(reply.headers(errorHeaders(error)), jsonRpcStatus(error), failure(id, error));
    }
  };

  function callers(request: FastifyRequest, reply: FastifyReply): (session: Session, listening: AbortSignal) => Caller {
    const { agent: name } = request.params as { agent?: string };
    const agent = name === undefined ? undefined : agentOf(exchange, name);
    const trace = traceIn(request.headers);
    const whenAnswered = (then: () => void): void => void reply.raw.once('finish', then);
    return (session, listening) => ({ session, agent, trace, listening, whenAnswered });
  }
}

const enveloped = (id: Id): Framing<unknown> => ({
  event: (result) => ({ jsonrpc: '2.0', id, result }),
  error: (thrown) => failure(id, thrown),
});

/** The events are whole responses already. */
const whole = (id: Id): Framing<unknown> => ({ event: (response) => response, error: (thrown) => failure(id, thrown) });

const failure = (id: Id, error: unknown) => ({ jsonrpc: '2.0', id, error: jsonRpcError(error) });

/** The answer to a JSON-RPC request that never reached the handler (size, media type). */
export const jsonRpcFailure = (reply: FastifyReply, error: unknown): FastifyReply =>
  answer(reply, jsonRpcStatus(error), failure(null, error));

function answer(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  return reply.code(status).header('content-type', 'application/json').send(JSON.stringify(body));
}

/** The id to answer under, whatever else is wrong with the request; null when it has none that is legal. */
function idOf(body: Json): Id {
  const id = isJsonObject(body) ? body['id'] : undefined;
  return typeof id === 'string' || Number.isInteger(id) ? (id as Id) : null;
}

function readRequest(body: Json, id: Id): RpcRequest {
  if (!isJsonObject(body))
    throw new AipError('INVALID_REQUEST', 'Expected one JSON-RPC request object; A2A has no batches.');
  if (body['jsonrpc'] !== '2.0') throw new AipError('INVALID_REQUEST', 'jsonrpc: expected "2.0".');
  if (body['id'] != null && id === null)
    throw new AipError('INVALID_REQUEST', 'id: expected a text or a whole number.');
  const { method, params } = body as JsonObject & { params?: Json };
  if (typeof method !== 'string' || method === '')
    throw new AipError('INVALID_REQUEST', 'method: expected the name of an A2A method.');
  return { id, method, params };
}
