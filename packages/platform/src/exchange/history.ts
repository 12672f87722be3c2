import type { Ask } from '../kernel/ask.ts';
import type { JournalReader, StoredEntry } from '../kernel/journal.ts';
import type { Message } from '../kernel/message.ts';
import type { RouteEvent, TaskEvent, TaskHead, TaskState } from '../kernel/task.ts';
import { taskKey } from './task-decider.ts';

/** The head of a task as it is durable now. */
export const taskHead = (read: JournalReader, tenant: string, id: string): TaskHead | undefined =>
  read.row(tenant, taskKey(id)) as unknown as TaskHead | undefined;

/** A task's events above `after`, from the log: as many as fit a page. */
export function taskEvents(
  read: JournalReader,
  tenant: string,
  id: string,
  after: number,
  limit?: number,
): TaskEvent[] {
  return read.taskEntries(tenant, id, after, limit).map((entry) => eventOf(read, entry));
}

/** All events of a task, page by page. */
export function* everyTaskEvent(read: JournalReader, tenant: string, id: string): Generator<TaskEvent> {
  for (let page = taskEvents(read, tenant, id, 0); page.length > 0;) {
    yield* page;
    page = taskEvents(read, tenant, id, page.at(-1)?.n as number);
  }
}

/** The step of a task that an entry records. */
export function eventOf(read: JournalReader, entry: StoredEntry): TaskEvent {
  const place = { n: entry.n as number, at: entry.at };
  if (entry.kind === 'accept') return { type: 'submitted', state: 'submitted', ...place };
  if (entry.kind === 'park')
    return { type: 'asked', ask: entry.head['ask'] as unknown as Ask, state: 'auth_required', ...place };
  const state = entry.head['state'] as TaskState;
  const body = read.body(entry);
  if (body !== undefined) return { ...(JSON.parse(body) as RouteEvent), state, ...place };
  // Erased: the fact and its place remain, the content is gone.
  return { type: 'working', state, ...place };
}

/** The message that opened a task, as it was stored with its accept or park. */
export const storedMessage = (read: JournalReader, tenant: string, head: TaskHead): Message | undefined =>
  messageIn(read, tenant, head.entry);

/** The message that an accept, park or signal holds; undefined once it has been erased, or where the disk has damaged it. */
export function messageIn(read: JournalReader, tenant: string, seq: number): Message | undefined {
  const entry = read.entry(tenant, seq);
  const body = entry && read.body(entry);
  try {
    return body === undefined ? undefined : (JSON.parse(body) as Message);
  } catch {
    // Verification names it; one task that cannot be taken up keeps nothing else from it.
    return undefined;
  }
}
