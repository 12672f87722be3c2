import { AipError, toAipError, type IoapPayloads } from '@aip/wire';
import { argumentsOf, textOf } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { errorBody } from '../../kernel/error-body.ts';
import type { Message } from '../../kernel/message.ts';
import type { Route, RouteCall } from '../../kernel/route.ts';
import type { RouteEvent } from '../../kernel/task.ts';
import { effectOf, openDelivery, type Delivery } from './delivery.ts';
import type { Edge, Link } from './link.ts';
import { originalOf } from './original-request.ts';

/** The way to an agent through its connection. A lost connection ends the step, unless it may be delivered again. */
export function sessionRoute(edge: Edge, link: Link): Route {
  return {
    reach: 'session',
    async *deliver(call) {
      if (call.message.kind !== 'request') return yield* forwardSignal(link, call.message);
      let current: Link | undefined = link;
      let attempt = call.delivery;
      let begun = call.resumeFrom !== undefined;
      while (current) {
        const end: AttemptEnd = yield* attemptOn(edge, current, call, attempt);
        if (end === 'ended') return;
        begun ||= end === 'dropped';
        if (begun && !mayRepeat(call.entry)) break;
        current = await comeback(edge, link.did, call.signal);
        if (current && end === 'dropped') attempt = await call.redeliver();
      }
      const error = errorBody(
        'AGENT_UNAVAILABLE',
        `${call.entry.ownerName} lost its connection while it worked on this and has not come back.`,
      );
      yield { type: 'failed', error, effect: begun ? effectOf(call.entry) : 'none' };
    },
  };
}

/** `unsent`: the agent has not seen the request; `dropped`: it has, and its connection was lost. */
type AttemptEnd = 'ended' | 'dropped' | 'unsent';

const mayRepeat = (entry: CatalogueEntry): boolean => entry.idempotent || entry.effect === 'read';

/** Signals are signed by their sender and mean something to the receiver only: they pass as they came. */
async function* forwardSignal(link: Link, message: Message): AsyncGenerator<RouteEvent> {
  const { signed } = message;
  if (signed === undefined)
    throw new AipError('UNSUPPORTED_OPERATION', 'An agent on IoAP takes signals only as signed frames.');
  await link.send(() => signed);
  yield { type: 'done', body: { type: 'data', value: null } };
}

async function* attemptOn(
  edge: Edge,
  link: Link,
  call: RouteCall,
  attempt: number,
): AsyncGenerator<RouteEvent, AttemptEnd> {
  let delivery: Delivery | undefined;
  try {
    const { raw, ...request } = requestFrame(edge, link, call, attempt);
    delivery = openDelivery({ edge, link, entry: call.entry, taskId: call.message.taskId, ...request });
    await link.send(() => raw);
  } catch (thrown) {
    delivery?.drop();
    const error = toAipError(thrown);
    if (error.code === 'AGENT_UNAVAILABLE') return 'unsent';
    yield { type: 'failed', error: error.toJSON(), effect: 'none' };
    return 'ended';
  }
  const stop = onAbort(call.signal, () => cancel(edge, link, delivery, call));
  try {
    for await (const event of delivery.events) {
      yield event;
      if (event.type === 'done' || event.type === 'failed') return 'ended';
    }
    return 'dropped';
  } finally {
    stop();
    delivery.drop();
  }
}

/** Tells the agent, and gives it a moment to say how far it has come. */
function cancel(edge: Edge, link: Link, delivery: Delivery, { entry, signal }: RouteCall): void {
  const error = errorBody('CANCELED', 'The task was canceled.', { reason: String(signal.reason) });
  // An agent that cannot even be told is left to the grace below.
  link.send(() => edge.frames.error(link.did, error, delivery.frameId)).catch(() => {});
  setTimeout(() => delivery.end({ type: 'failed', error, effect: effectOf(entry) }), edge.limits.grace).unref();
}

function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
  return () => signal.removeEventListener('abort', act);
}

/** The agent's next connection; undefined when it does not come in time or the task is canceled first. */
async function comeback(edge: Edge, did: string, signal: AbortSignal): Promise<Link | undefined> {
  if (signal.aborted) return undefined;
  let stop = (): void => {};
  const canceled = new Promise<undefined>((resolve) => {
    stop = onAbort(signal, () => resolve(undefined));
  });
  const bound = await Promise.race([edge.exchange.routes.whenBound(did, edge.limits.comeback), canceled]);
  stop();
  return bound && edge.links.get(did);
}

interface Request {
  readonly frameId: string;
  readonly raw: string;
  readonly answersTo: string;
  readonly original: boolean;
}

/**
 * The frame that brings the call to the agent: the caller's own bytes when it addressed this very agent, else one
 * that the gateway signs and that names the caller. Either way the agent is asked for what was decided on.
 */
function requestFrame(edge: Edge, link: Link, call: RouteCall, attempt: number): Request {
  const original = originalOf(call.message);
  // Two callers may have chosen the same frame id; the agent must be able to tell their requests apart.
  if (original && original.to === link.did && isMeant(edge, call) && !link.deliveries.has(original.id)) {
    return { frameId: original.id, raw: original.raw, answersTo: call.message.from.id, original: true };
  }
  const { from, edge: protocol, taskId, deadline, trace } = call.message;
  const handling = {
    stream: true,
    idempotency_key: taskId,
    task_id: taskId,
    attempt,
    caller: { id: from.id, name: from.name, edge: protocol },
    ...(deadline === undefined ? {} : { timeout_ms: Math.max(1, deadline - edge.exchange.clock.now()) }),
  };
  const intent = original?.type === 'INTENT' ? intentOf(call) : chatOf(call);
  const frame = intent
    ? edge.frames.write('INTENT', link.did, { ...handling, ...intent }, { trace: trace?.traceparent })
    : edge.frames.write(
        'EXEC_REQUEST',
        link.did,
        { ...handling, ...capabilityOf(call.entry), args: argumentsOf(call.message.body) },
        { trace: trace?.traceparent },
      );
  return { frameId: frame.id, raw: frame.raw, answersTo: edge.frames.did, original: false };
}

const isOnlySkill = (edge: Edge, { owner }: CatalogueEntry): boolean =>
  edge.exchange.catalogue.list({ kind: 'skill', owner }).length === 1;

/** A frame for the agent as a whole was decided on as its only skill; it may have more of them by now. */
const isMeant = (edge: Edge, { entry, message }: RouteCall): boolean =>
  entry.kind === 'agent' || message.asked === undefined || isOnlySkill(edge, entry);

const capabilityOf = ({ kind, name }: CatalogueEntry): { capability?: string } =>
  kind === 'skill' ? { capability: name } : {};

/**
 * An INTENT that did not come in a frame for this agent, put together again of its arguments; undefined for one that was
 * decided on as a skill: words could mean another.
 */
function intentOf({ entry, message: { body } }: RouteCall): IoapPayloads['INTENT'] | undefined {
  if (entry.kind !== 'agent') return undefined;
  const { text: query, task, params, context } = argumentsOf(body);
  const asked = task === undefined ? { query } : { task, ...(params === undefined ? {} : { params }) };
  return { ...asked, ...(context === undefined ? {} : { context }) } as IoapPayloads['INTENT'];
}

/** Mere text for an agent that can do several things: the agent decides what is meant. */
function chatOf({ entry, message: { body } }: RouteCall): IoapPayloads['INTENT'] | undefined {
  const chat =
    body.type === 'text' || (body.type === 'a2a' && body.value.parts.every((part) => part.text !== undefined));
  if (entry.kind !== 'agent' || !chat) return undefined;
  const query = textOf(body);
  return query.length > 0 && query.length <= MAX_QUERY ? { query } : undefined;
}

const MAX_QUERY = 65_536;
