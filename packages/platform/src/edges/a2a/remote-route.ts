import { createHmac } from 'node:crypto';
import { Message, Part as OfficialPart, TaskState, type StreamResponse, type Task } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { AipError, canonicalJson } from '@aip/wire';
import { partsOf, textOf, type Body, type Part } from '../../kernel/body.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { uuidv7 } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Route, RouteCall } from '../../kernel/route.ts';
import type { RouteEvent } from '../../kernel/task.ts';

/** How often a task is asked after when there is no stream, in milliseconds; each time twice as long as before. */
const POLL = { first: 500, longest: 10_000 };
/** Failed attempts in a row after which the remote agent counts as lost. */
const MAX_LOST = 5;

/** What is known of the remote side of one call. */
interface Remote {
  taskId: string;
  contextId: string;
  /** Everything put out so far: the result of a task is its artifacts. */
  readonly output: Map<string, Part[]>;
}

type End = 'ended' | 'lost' | { readonly question: Body };

/** The way to an A2A agent somewhere else, through the official client. `key`: see {@link contextFor}. */
export function remoteRoute(client: Client, key: Uint8Array): Route {
  return {
    reach: 'remote',
    async *deliver(call) {
      const remote: Remote = { taskId: '', contextId: contextFor(call, key), output: new Map() };
      const stream = new AbortController();
      call.signal.addEventListener('abort', () => void cancel(client, remote, stream), { once: true });
      const serviceParameters = call.message.trace ? { traceparent: call.message.trace.traceparent } : {};
      try {
        let body = call.message.body;
        for (let turn = 0; ; turn++) {
          const request = {
            tenant: '',
            configuration: undefined,
            metadata: undefined,
            message: outgoing(call, remote, body, turn),
          };
          let end = yield* take(
            client.sendMessageStream(request, { signal: stream.signal, serviceParameters }),
            remote,
          );
          if (end === 'lost') end = yield* poll(client, remote, call.signal);
          if (end === 'ended' || end === 'lost') return;
          const ask = { id: uuidv7(), of: 'caller', kind: 'input', body: { message: textOf(end.question) } } as const;
          yield { type: 'asked', ask };
          body = await call.answer(ask.id);
        }
      } catch (error) {
        yield failure(call, error);
      } finally {
        stream.abort();
      }
    },
  };
}

/**
 * The conversation as the remote agent knows it. To it all callers are this gateway, and who names a conversation may go
 * on with it; so it gets a name that nobody else's call is given, and that its caller never sees.
 */
function contextFor({ message, entry }: RouteCall, key: Uint8Array): string {
  const { from, conversationId } = message;
  if (conversationId === undefined) return '';
  const callers: string[] = [];
  for (let who: Principal | undefined = from; who; who = who.onBehalfOf) callers.push(who.id);
  const whose = canonicalJson({ tenant: from.tenant, callers, agent: entry.owner, conversation: conversationId });
  return createHmac('sha256', key).update(whose).digest('base64url');
}

async function cancel(client: Client, remote: Remote, stream: AbortController): Promise<void> {
  try {
    if (remote.taskId !== '') await client.cancelTask({ tenant: '', id: remote.taskId, metadata: undefined });
    else stream.abort();
  } catch {
    // It has ended, or cannot be reached: the exchange ends the call by itself after its grace.
    stream.abort();
  }
}

/** The id is that of our message, so that a second delivery is known for what it is. */
function outgoing({ message, entry }: RouteCall, remote: Remote, body: Body, turn: number): Message {
  const skill = entry.kind === 'skill' ? { 'aip.skill': entry.name } : {};
  const given = body.type === 'a2a' ? (body.value.metadata ?? {}) : {};
  // What is for this gateway; and no other skill than the one that was decided on.
  const passed = Object.entries(given).filter(
    ([name, value]) => !name.startsWith('aip.') && (name !== 'skill' || value === entry.name),
  );
  const metadata = { ...Object.fromEntries(passed), ...skill };
  return Message.fromJSON({
    messageId: turn === 0 ? message.id : `${message.id}-${turn}`,
    role: 'ROLE_USER',
    parts: partsOf(body),
    contextId: remote.contextId,
    taskId: remote.taskId,
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  });
}

/** Events of a stream as ours, until the task ends, asks, or the stream does. */
async function* take(stream: AsyncIterable<StreamResponse>, remote: Remote): AsyncGenerator<RouteEvent, End> {
  for await (const { payload } of stream) {
    if (payload?.$case === 'message') {
      const { messageId, parts, metadata } = payload.value;
      yield {
        type: 'done',
        body: { type: 'a2a', value: { messageId, parts: parts.map(part), ...(metadata ? { metadata } : {}) } },
      };
      return 'ended';
    }
    const end = yield* absorb(payload, remote);
    if (end) return end;
  }
  return 'lost';
}

function* absorb(payload: StreamResponse['payload'], remote: Remote): Generator<RouteEvent, End | undefined> {
  if (payload?.$case === 'artifactUpdate' && payload.value.artifact) {
    const { artifact, append, lastChunk } = payload.value;
    yield output(remote, artifact, append, lastChunk);
    return undefined;
  }
  if (payload?.$case === 'task') {
    const task = payload.value;
    remote.taskId = task.id;
    remote.contextId = task.contextId;
    for (const artifact of task.artifacts)
      if (!remote.output.has(artifact.artifactId)) yield output(remote, artifact, false, true);
    return yield* follow(task.status, remote);
  }
  return payload?.$case === 'statusUpdate' ? yield* follow(payload.value.status, remote) : undefined;
}

function output(remote: Remote, artifact: Task['artifacts'][number], append: boolean, last: boolean): RouteEvent {
  const parts = artifact.parts.map(part);
  const { artifactId, name } = artifact;
  remote.output.set(artifactId, append ? [...(remote.output.get(artifactId) ?? []), ...parts] : parts);
  return {
    type: 'output',
    artifactId,
    body: { type: 'a2a', value: { parts } },
    ...(name === '' ? {} : { name }),
    ...(append ? { append } : {}),
    ...(last ? { last } : {}),
  };
}

function* follow(status: Task['status'], remote: Remote): Generator<RouteEvent, End | undefined> {
  const parts = status?.message?.parts.map(part) ?? [];
  const said: Body = { type: 'a2a', value: { parts } };
  switch (status?.state) {
    case TaskState.TASK_STATE_COMPLETED: {
      const results = [...remote.output.values()].flat();
      yield { type: 'done', body: results.length > 0 ? { type: 'a2a', value: { parts: results } } : said };
      return 'ended';
    }
    case TaskState.TASK_STATE_FAILED:
    case TaskState.TASK_STATE_REJECTED:
      yield {
        type: 'failed',
        error: errorBody('UPSTREAM_FAILED', textOf(said) || 'The remote agent did not do it.'),
        effect: status.state === TaskState.TASK_STATE_REJECTED ? 'none' : 'unknown',
      };
      return 'ended';
    case TaskState.TASK_STATE_CANCELED:
      yield {
        type: 'failed',
        error: errorBody('CANCELED', textOf(said) || 'The remote task was canceled.'),
        effect: 'unknown',
      };
      return 'ended';
    case TaskState.TASK_STATE_INPUT_REQUIRED:
      return { question: said };
    default:
      // A remote agent that waits for its own operators (auth_required) goes on by itself.
      if (parts.length > 0) yield { type: 'working', body: said };
      return undefined;
  }
}

/** For what a stream does not tell: one that broke off, a task that waits, an agent that does not stream. */
async function* poll(client: Client, remote: Remote, signal: AbortSignal): AsyncGenerator<RouteEvent, End> {
  let wait = POLL.first;
  for (
    let lost = 0;
    lost < MAX_LOST && remote.taskId !== '' && !signal.aborted;
    wait = Math.min(wait * 2, POLL.longest)
  ) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const end = yield* absorb(
        { $case: 'task', value: await client.getTask({ tenant: '', id: remote.taskId, historyLength: 0 }) },
        remote,
      );
      if (end) return end;
      lost = 0;
    } catch {
      lost++;
    }
  }
  yield {
    type: 'failed',
    error: errorBody('UPSTREAM_FAILED', 'The remote agent can no longer be reached; whether it finished is not known.'),
    effect: 'unknown',
  };
  return 'lost';
}

const part = (value: OfficialPart): Part => OfficialPart.toJSON(value) as Part;

function failure({ entry }: RouteCall, error: unknown): RouteEvent {
  if (error instanceof AipError && error.code === 'ADDRESS_BLOCKED')
    return { type: 'failed', error: error.toJSON(), effect: 'none' };
  const reason = error instanceof Error ? error.message : 'unknown failure';
  return { type: 'failed', error: errorBody('UPSTREAM_FAILED', `${entry.ownerName}: ${reason}`), effect: 'unknown' };
}
