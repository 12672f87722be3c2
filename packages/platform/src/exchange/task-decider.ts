import type { Json } from '@aip/wire';
import type { Decider, Entry } from '../kernel/entry.ts';
import { NO_WRITES } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import { isTerminal, type Hold, type TaskHead, type TaskState } from '../kernel/task.ts';

export const taskKey = (id: string): string => `task:${id}`;
export const taskList = (principal: string): string => `tasks:${principal}`;

/** Head of the entries that move a task; what `accept` and `park` say about the message. */
export interface MessageHead {
  readonly message: string;
  readonly from: string;
  readonly fromName: string;
  readonly to: string;
  readonly action: string;
  readonly edge: string;
  readonly assignee: string;
  readonly scopes: readonly string[];
  readonly depth: number;
  readonly effect: 'read' | 'write' | 'external';
  readonly idempotent: boolean;
  readonly argumentsHash?: string;
  readonly parent?: string;
  readonly conversation?: string;
  readonly idempotency?: { readonly key: string; readonly request: string; readonly signed?: boolean };
  readonly deadline?: number;
  readonly policies?: readonly string[];
  readonly notes?: readonly string[];
  readonly plane?: 'control';
  readonly hold?: Hold;
  /** The approval that this accept uses up. */
  readonly approval?: string;
}

/**
 * Keeps the head of every task: one accept, then numbered events, then exactly one end. Whatever arrives
 * after the end, or out of number, is refused by the commit itself.
 */
export const taskDecider: Decider = {
  name: 'tasks',
  kinds: ['accept', 'park', 'event', 'settle'],
  keys: (entry) => [taskKey(entry.task as string)],
  decide(rows, entry) {
    const key = taskKey(entry.task as string);
    const head = rows(key) as unknown as TaskHead | undefined;
    if (head && isTerminal(head.state)) {
      return {
        refuse: errorBody('CONFLICT', `Task ${head.id} has ended as ${head.state}; nothing can be added to it.`, {
          state: head.state,
        }),
      };
    }
    if ((head?.n ?? 0) + 1 !== entry.n) {
      return {
        refuse: errorBody('CONFLICT', `Task ${entry.task} stands at event ${head?.n ?? 0}, not before ${entry.n}.`),
      };
    }
    if (entry.kind === 'accept' || entry.kind === 'park') {
      // A task is opened once: again only by the accept that ends its wait for a person.
      const waits = entry.kind === 'accept' && head?.state === 'auth_required' && head.askId !== undefined;
      if (head && !waits) return { refuse: errorBody('CONFLICT', `Task ${head.id} has been accepted already.`) };
      return [write(key, opened(entry, head))];
    }
    if (!head) return { refuse: errorBody('TASK_NOT_FOUND', `Task ${entry.task} is not in this log.`) };
    return [write(key, moved(entry, head))];
  },
};

const write = (key: string, head: TaskHead) => ({
  key,
  value: head as unknown as Json,
  list: taskList(head.from),
  open: !isTerminal(head.state),
});

function opened(entry: Entry, parked: TaskHead | undefined): TaskHead {
  const message = entry.head as unknown as MessageHead;
  return {
    id: entry.task as string,
    message: message.message,
    state: entry.kind === 'park' ? 'auth_required' : 'submitted',
    from: message.from,
    fromName: message.fromName,
    to: message.to as TaskHead['to'],
    action: message.action as TaskHead['action'],
    edge: message.edge as TaskHead['edge'],
    assignee: message.assignee,
    n: entry.n as number,
    created: parked?.created ?? entry.at,
    updated: entry.at,
    entry: parked?.entry ?? entry.seq,
    idempotent: message.idempotent,
    effect: message.effect,
    scopes: message.scopes,
    depth: message.depth,
    ...(message.conversation === undefined ? {} : { conversationId: message.conversation }),
    ...(message.parent === undefined ? {} : { parentId: message.parent }),
    ...(message.hold === undefined ? {} : { hold: message.hold }),
    ...(entry.kind === 'park' ? { askId: (entry.head['ask'] as { id: string }).id } : {}),
  };
}

function moved(entry: Entry, head: TaskHead): TaskHead {
  return { ...head, state: entry.head['state'] as TaskState, n: entry.n as number, updated: entry.at };
}

/** How long an idempotency key stays known, in milliseconds. */
const KEY_LIFETIME = 24 * 3600_000;

export const idempotencyRow = (from: string, key: string): string => `idem:${from}\n${key}`;

/** What is remembered of a key: the task it led to, and a hash of the request. */
export interface KnownKey {
  readonly task: string;
  readonly request: string;
}

/** The same key with the same request means the same task; with another request it is a conflict or a replay. */
export const idempotencyDecider: Decider = {
  name: 'idempotency',
  kinds: ['accept', 'park', 'signal'],
  keys(entry) {
    const head = entry.head as unknown as MessageHead;
    return head.idempotency ? [idempotencyRow(head.from, head.idempotency.key)] : [];
  },
  decide(rows, entry) {
    const head = entry.head as unknown as MessageHead;
    if (!head.idempotency) return NO_WRITES;
    const key = idempotencyRow(head.from, head.idempotency.key);
    const known = rows(key) as unknown as KnownKey | undefined;
    if (known && known.task !== entry.task) return { refuse: repeated(head, known) };
    if (known) return NO_WRITES;
    return [
      {
        key,
        value: { task: entry.task ?? head.message, request: head.idempotency.request },
        expires: entry.at + KEY_LIFETIME,
      },
    ];
  },
};

function repeated(head: MessageHead, known: KnownKey) {
  if (known.request === head.idempotency?.request)
    return errorBody('DUPLICATE', 'This request has been accepted before.', { task: known.task });
  if (head.idempotency?.signed)
    return errorBody(
      'REPLAY_DETECTED',
      'A different frame with this id has been accepted before; every frame needs a fresh id.',
    );
  return errorBody('IDEMPOTENCY_CONFLICT', 'This idempotency key was used for a different request; use a new key.', {
    task: known.task,
  });
}
