import { AipError, toAipError, type IoapPayloads, type Json } from '@aip/wire';
import { outcomeOf, type Call } from '../../exchange/index.ts';
import type { Address } from '../../kernel/address.ts';
import { valueOf, type Body } from '../../kernel/body.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { isTerminal, type TaskEvent } from '../../kernel/task.ts';
import { errorPayload } from './gateway-frames.ts';
import type { Edge, Link } from './link.ts';
import { keepOriginal, originalOf } from './original-request.ts';
import { bodyOf, targetOf, type RequestFrame } from './targets.ts';

/** EXEC_RESPONSE as the gateway writes it: `kind` says what a partial is (output unless told), `task_id` where it is recorded. */
type Response = IoapPayloads['EXEC_RESPONSE'] & { kind?: 'progress' | 'asked'; task_id?: string; effect?: string };

/** EXEC_REQUEST or INTENT of an agent: sends it on its way and answers it. Throws what denies it. */
export async function handleRequest(edge: Edge, link: Link, frame: RequestFrame, raw: string): Promise<void> {
  if (link.calls.size >= edge.limits.calls) {
    throw new AipError(
      'RATE_LIMITED',
      `This connection has ${edge.limits.calls} open requests; wait for answers before sending more.`,
    );
  }
  const { timeout_ms: timeout, parent_id: parent } = frame.payload;
  const { to, action } = targetOf(frame, edge.frames.did, (skill) => offered(edge, link, skill));
  const call = await edge.exchange.send(link.session, {
    to,
    action,
    ...keepOriginal(frame, raw),
    body: bodyOf(frame, to),
    ...(timeout === undefined ? {} : { deadline: edge.exchange.clock.now() + timeout }),
    ...(parent === undefined ? {} : { parentId: taskNamed(edge, link, parent) }),
    ...(frame.trace === undefined ? {} : { trace: { traceparent: frame.trace } }),
  });
  // The same frame sent twice over one connection is answered once.
  if (link.calls.has(frame.id)) return;
  link.calls.set(frame.id, call);
  void answer(edge, link, frame, call)
    .catch(() => link.close('SLOW_CONSUMER', 'The answers of this connection were not taken in time.'))
    .finally(() => link.calls.delete(frame.id));
}

function offered({ exchange }: Edge, { session }: Link, skill: Address): boolean {
  try {
    return exchange.catalogue.resolve(skill, session.principal.tenant).kind === 'skill';
  } catch {
    return false;
  }
}

/** An agent names the task it works on by its id, or by the id of the caller's frame that brought it. */
function taskNamed(edge: Edge, link: Link, name: string): string {
  const { live } = edge.exchange;
  const delivered = link.deliveries.get(name);
  if (delivered || live.has(name)) return delivered?.taskId ?? name;
  // After a lost connection the frame may not have been delivered again yet.
  for (const task of live.values()) {
    if (task.target.owner === link.did && originalOf(task.message)?.id === name) return task.id;
  }
  return name;
}

/** Follows the task and sends what the caller takes: pieces if it streams, that it waits for a person, and the end. */
async function answer(edge: Edge, link: Link, frame: RequestFrame, call: Call): Promise<void> {
  const began = edge.exchange.clock.now();
  let started: number | undefined;
  let seq = 0;
  for await (const event of call.events(0, link.gone)) {
    if (!link.open) return;
    started ??= event.at;
    const time = { execution_time_ms: event.at - started, task_id: call.taskId };
    if (isTerminal(event.state)) {
      await link.send(() => original(edge, link, frame, event) ?? write(edge, link, frame, final(event, time)));
      call.delivered(link.session.principal);
      return;
    }
    const partial = partialOf(event, frame.payload.stream === true);
    if (partial)
      await link.send(
        () =>
          original(edge, link, frame, event) ??
          write(edge, link, frame, { ...partial, ...time, status: 'partial', seq: seq++ }),
      );
  }
  if (!link.open) return;
  const error = errorBody(
    'AGENT_UNAVAILABLE',
    'This task is not under way at the moment; send the request again in a moment.',
  );
  await link.send(() =>
    write(edge, link, frame, {
      status: 'error',
      error: errorPayload(error),
      execution_time_ms: edge.exchange.clock.now() - began,
      task_id: call.taskId,
    }),
  );
}

/** The agent's own signed frame, if the event still is what that frame says and it answers this very request. */
function original(edge: Edge, link: Link, frame: RequestFrame, event: TaskEvent): string | undefined {
  const body: Body | undefined = event.type === 'output' || event.type === 'done' ? event.body : undefined;
  const kept = body && edge.originals.get(body);
  return kept?.to === link.did && kept.correlationId === frame.id ? kept.raw : undefined;
}

function partialOf(event: TaskEvent, streams: boolean): { result: Json; kind?: 'progress' | 'asked' } | undefined {
  if (event.type === 'asked' && event.state === 'auth_required') {
    return {
      kind: 'asked',
      result: {
        state: event.state,
        ask: {
          id: event.ask.id,
          kind: event.ask.kind,
          body: event.ask.body,
          ...(event.ask.expires === undefined ? {} : { expires: event.ask.expires }),
        },
      },
    };
  }
  if (!streams) return undefined;
  if (event.type === 'output') return { result: valueOf(event.body) };
  if (event.type === 'progress') {
    const { progress, total, message } = event;
    return {
      kind: 'progress',
      result: { progress, ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) },
    };
  }
  return undefined;
}

function final(event: TaskEvent, time: Pick<Response, 'execution_time_ms' | 'task_id'>): Response {
  const outcome = outcomeOf(event);
  if (outcome.ok) return { status: 'success', result: valueOf(outcome.body), ...time };
  const result = outcome.body ? { result: valueOf(outcome.body) } : {};
  return { status: 'error', error: errorPayload(outcome.error), effect: outcome.effect, ...result, ...time };
}

/** A result that fits into no frame is told as such; the task keeps it. */
function write(edge: Edge, link: Link, frame: RequestFrame, response: Response): string {
  const options = { correlationId: frame.id, trace: frame.trace };
  try {
    return edge.frames.write('EXEC_RESPONSE', link.did, response, options).raw;
  } catch (thrown) {
    const { result: _, ...rest } = response;
    const error = errorPayload(toAipError(thrown).toJSON());
    const status = rest.status === 'partial' ? 'partial' : 'error';
    return edge.frames.write('EXEC_RESPONSE', link.did, { ...rest, status, error }, options).raw;
  }
}
