import { AipError, isJsonObject, parseJson, type Json, type JsonObject } from '@aip/wire';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import type { Session } from '../../kernel/session.ts';
import { traceIn } from '../../kernel/trace.ts';
import { closing } from '../../kernel/when-closed.ts';
import { authenticate, lastEventId, requireVersion, sessionOf } from './caller.ts';
import { errorHeaders, httpError } from './errors.ts';
import { MEDIA_TYPE } from './protocol.ts';
import type { A2aService, Caller, StreamItem } from './service.ts';
import type { StreamEvents } from './sse.ts';
import { agentOf } from './target.ts';

/** The HTTP+JSON binding (section 11): each operation at its own path below the interface's URL. */

type Unary = (caller: Caller, request: FastifyRequest) => Promise<unknown>;
type Streaming = (caller: Caller, request: FastifyRequest) => Promise<AsyncIterable<StreamItem>>;

/** Mounts the binding below `prefix`. */
export function mountHttpJson(
  app: FastifyInstance,
  prefix: string,
  exchange: Exchange,
  service: A2aService,
  streamEvents: StreamEvents,
): void {
  const unary =
    (operation: Unary) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      try {
        const principal = admit(request);
        const caller = callerOf(
          request,
          reply,
          sessionOf(exchange, principal),
          closing(reply.raw, exchange.whenDrained),
        );
        return await answer(reply, 200, await operation(caller, request));
      } catch (error) {
        return httpFailure(reply, error);
      }
    };

  const streaming =
    (operation: Streaming) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      try {
        const principal = admit(request);
        return await streamEvents(reply, principal, FRAMING, (session, listening) =>
          operation(callerOf(request, reply, session, listening), request),
        );
      } catch (error) {
        return httpFailure(reply, error);
      }
    };

  function admit(request: FastifyRequest) {
    const principal = authenticate(exchange, request);
    requireVersion(request);
    return principal;
  }

  function callerOf(request: FastifyRequest, reply: FastifyReply, session: Session, listening: AbortSignal): Caller {
    const { agent } = request.params as { agent?: string };
    const found = agent === undefined ? undefined : agentOf(exchange, agent);
    const whenAnswered = (then: () => void): void => void reply.raw.once('finish', then);
    return { session, agent: found, trace: traceIn(request.headers), listening, whenAnswered };
  }

  const cancel = unary((caller, request) => service.cancelTask(caller, { ...bodyOf(request), id: verbOf(request).id }));
  const subscribe = streaming((caller, request) =>
    service.subscribeToTask(caller, { id: verbOf(request).id }, lastEventId(request)),
  );
  const noPush = unary(() => Promise.reject(new AipError('PUSH_NOTIFICATION_NOT_SUPPORTED')));

  app.post(
    `${prefix}/message::send`,
    unary((caller, request) => service.sendMessage(caller, bodyOf(request))),
  );
  app.post(
    `${prefix}/message::stream`,
    streaming((caller, request) => service.sendStreamingMessage(caller, bodyOf(request))),
  );
  app.get(
    `${prefix}/tasks`,
    unary((caller, request) => service.listTasks(caller, queryOf(request))),
  );
  const get = unary((caller, request) => service.getTask(caller, { ...queryOf(request), id: verbOf(request).id }));
  // A verb is set off by the last colon; our ids have none. Browsers can only subscribe by GET.
  app.get(`${prefix}/tasks/:task`, (request, reply) =>
    verbOf(request).verb === 'subscribe' ? subscribe(request, reply) : get(request, reply),
  );
  app.post(`${prefix}/tasks/:task`, (request, reply) => {
    const { verb } = verbOf(request);
    if (verb === 'cancel') return cancel(request, reply);
    if (verb === 'subscribe') return subscribe(request, reply);
    return httpFailure(reply, new AipError('METHOD_NOT_FOUND', 'A task takes POST …:cancel and …:subscribe.'));
  });
  app.get(
    `${prefix}/extendedAgentCard`,
    unary(() =>
      Promise.reject(new AipError('UNSUPPORTED_OPERATION', 'There is no extended card; the public card is complete.')),
    ),
  );
  app.all(`${prefix}/tasks/:task/pushNotificationConfigs`, noPush);
  app.all(`${prefix}/tasks/:task/pushNotificationConfigs/:config`, noPush);
}

const FRAMING = { event: (response: unknown) => response, error: (thrown: unknown) => httpError(thrown).body };

export function httpFailure(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, body } = httpError(error);
  return answer(reply.headers(errorHeaders(error)), status, body);
}

function answer(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  return reply.code(status).header('content-type', MEDIA_TYPE).send(JSON.stringify(body));
}

/** An empty body stands for a request without fields. */
function bodyOf(request: FastifyRequest): JsonObject {
  const bytes = request.body as Uint8Array | undefined;
  const body = bytes === undefined || bytes.length === 0 ? {} : parseJson(bytes);
  if (!isJsonObject(body)) throw new AipError('INVALID_ARGUMENT', 'Expected a JSON object.');
  return body;
}

function verbOf(request: FastifyRequest): { id: string; verb: string } {
  const { task } = request.params as { task: string };
  const colon = task.lastIndexOf(':');
  return colon < 0 ? { id: task, verb: '' } : { id: task.slice(0, colon), verb: task.slice(colon + 1) };
}

const NUMBERS: ReadonlySet<string> = new Set(['pageSize', 'page_size', 'historyLength', 'history_length']);
const FLAGS: ReadonlySet<string> = new Set(['includeArtifacts', 'include_artifacts']);

/** Query parameters as the fields of the request that they stand for (section 11.4). */
function queryOf(request: FastifyRequest): JsonObject {
  const fields: JsonObject = {};
  for (const [name, value] of Object.entries(request.query as Record<string, Json>))
    fields[name] = typeof value === 'string' ? queryValue(name, value) : value;
  return fields;
}

function queryValue(name: string, value: string): Json {
  if (NUMBERS.has(name) || name === 'status') return /^-?\d{1,9}$/.test(value) ? Number(value) : value;
  if (FLAGS.has(name)) return value === 'true' ? true : value === 'false' ? false : value;
  return value;
}
