import type { JsonObject } from '@aip/wire';
import { ProtocolError } from '@modelcontextprotocol/server';
import { outcomeOf, type Call } from '../../exchange/index.ts';
import { splitOwned } from '../../kernel/address.ts';
import type { Ask } from '../../kernel/ask.ts';
import { isTerminal, type TaskEvent } from '../../kernel/task.ts';
import { requestOf } from './asks.ts';
import { gathersOwners } from './directory.ts';
import type { Client } from './edge.ts';
import { toolResult } from './results.ts';
import { wrapLinks } from './uris.ts';

/** How often a client should look, in milliseconds. */
const POLL_INTERVAL = 1_000;

/** A task in the words of both eras, which only call two of its times by other names: how long it is kept, how often to look. */
export const taskShape =
  (ttl: string, pollInterval: string) =>
  (taskId: string, status: string, created: number, updated: number): JsonObject => ({
    taskId,
    status,
    createdAt: new Date(created).toISOString(),
    lastUpdatedAt: new Date(updated).toISOString(),
    [ttl]: null,
    [pollInterval]: POLL_INTERVAL,
  });

/** What has happened in a task, as far as it is shown: its first event, its last, and what waits for its caller. */
export interface TaskStory {
  readonly first: TaskEvent;
  readonly last: TaskEvent;
  readonly open: readonly Ask[];
}

/** The story, one event later. */
export function tellOn(story: TaskStory | undefined, event: TaskEvent): TaskStory {
  const { first = event, open = [] } = story ?? {};
  if (event.type === 'answered') return { first, last: event, open: open.filter(({ id }) => id !== event.askId) };
  // The target asks anew for what it still wants.
  if (event.type === 'redelivered' || (event.type === 'working' && event.handle !== undefined))
    return { first, last: event, open: [] };
  if (event.type !== 'asked' || event.ask.of !== 'caller') return { first, last: event, open };
  return { first, last: event, open: [...open.filter(({ id }) => id !== event.ask.id), event.ask] };
}

export function storyOf(events: Iterable<TaskEvent>): TaskStory | undefined {
  let story: TaskStory | undefined;
  for (const event of events) story = tellOn(story, event);
  return story;
}

/** The five states that MCP knows, in both its eras. */
export type TaskStatus = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';

/** How a task stands, for a client with these capabilities. */
export interface Standing {
  readonly status: TaskStatus;
  readonly statusMessage?: string;
  /** Of `input_required`: requests that this client can answer. */
  readonly inputRequests?: JsonObject;
  /** Of `completed`. */
  readonly result?: JsonObject;
  /** Of `failed`: a JSON-RPC error. */
  readonly error?: ProtocolError;
}

/** A refusal is a completed task with an error result; `failed` is for JSON-RPC errors alone. */
export function standingOf({ last, open }: TaskStory, call: Call, client: Client, capabilities: unknown): Standing {
  if (last.type === 'canceled') return { status: 'cancelled', statusMessage: `Canceled (${last.reason}).` };
  if (isTerminal(last.state)) {
    try {
      return { status: 'completed', result: resultOf(client, call.message?.to, last) };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { status: 'failed', statusMessage: error.message, error };
    }
  }
  const requests = open.flatMap((ask) => {
    const request = requestOf(ask, capabilities);
    return request ? [[ask.id, request] as const] : [];
  });
  if (requests.length > 0)
    return { status: 'input_required', inputRequests: Object.fromEntries(requests) as unknown as JsonObject };
  return { status: 'working', ...messageOf(last) };
}

/** What can be said of a task that is under way. */
export function messageOf(last: TaskEvent | undefined): { readonly statusMessage?: string } {
  if (last?.state === 'auth_required') return { statusMessage: 'Waiting for an operator to approve this call.' };
  return last?.type === 'progress' && last.message !== undefined ? { statusMessage: last.message } : {};
}

/** The end of a call of that address, as the endpoint shows it. Throws an upstream's own JSON-RPC error. */
export function resultOf({ scope }: Client, to: string | undefined, end: TaskEvent): JsonObject {
  const result = toolResult(outcomeOf(end));
  if (!gathersOwners(scope) || !to?.startsWith('tool:')) return result;
  return wrapLinks(splitOwned(to.slice('tool:'.length)).owner, result);
}
