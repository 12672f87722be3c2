import type { Json } from '@aip/wire';
import type { Decider, Entry, Rows, RowWrite } from '../kernel/entry.ts';
import { NO_WRITES } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import { isTerminal, type Hold, type TaskHead, type TaskState } from '../kernel/task.ts';

export const taskKey = (id: string): string => `task:${id}`;
export const taskList = (principal: string): string => `tasks:${principal}`;
export const SENDERS = 'sender:';
export const senderKey = (principal: string): string => `${SENDERS}${principal}`;

/** Who has sent tasks, and how many. */
export interface SenderRow {
  readonly from: string;
  readonly tasks: number;
}

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
  /** Ids of those whom the sender acts for, the nearest first. */
  readonly onBehalfOf?: readonly string[];
  readonly conversation?: string;
  /** The sender's idempotency key. */
  readonly key?: string;
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
  keys: (entry) =>
    opens(entry)
      ? [taskKey(entry.task as string), senderKey(entry.head['from'] as string)]
      : [taskKey(entry.task as string)],
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
    if (opens(entry)) {
      // A task is opened once: again only by the accept that ends its wait for a person.
      const waits = entry.kind === 'accept' && head?.state === 'auth_required' && head.askId !== undefined;
      if (head && !waits) return { refuse: errorBody('CONFLICT', `Task ${head.id} has been accepted already.`) };
      return head ? [write(key, opened(entry, head))] : [write(key, opened(entry, head)), counted(rows, entry)];
    }
    if (!head) return { refuse: errorBody('TASK_NOT_FOUND', `Task ${entry.task} is not in this log.`) };
    if (entry.head['type'] === 'redelivered') return redelivered(key, entry, head);
    return [write(key, moved(entry, head))];
  },
};

const opens = ({ kind }: Entry): boolean => kind === 'accept' || kind === 'park';

function counted(rows: Rows, { head }: Entry): RowWrite {
  const from = head['from'] as string;
  const known = rows(senderKey(from)) as unknown as SenderRow | undefined;
  return { key: senderKey(from), value: { from, tasks: (known?.tasks ?? 0) + 1 } };
}

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

/** Deliveries of one step: a step that costs its target its life each time is not delivered for ever. */
const MAX_DELIVERIES = 5;

function redelivered(key: string, entry: Entry, head: TaskHead) {
  const deliveries = (head.deliveries ?? 1) + 1;
  if (deliveries > MAX_DELIVERIES)
    return {
      refuse: errorBody(
        'DELIVERED_TOO_OFTEN',
        `This step has been delivered ${MAX_DELIVERIES} times, and its target was lost each time; look at the target before calling it again.`,
        { deliveries: MAX_DELIVERIES },
      ),
    };
  return [write(key, { ...moved(entry, head), deliveries })];
}

/** How long an idempotency key stays known, in milliseconds. */
const KEY_LIFETIME = 24 * 3600_000;

export const idempotencyRow = (from: string, key: string): string => `idem:${from}\n${key}`;

/** What is remembered of a key: the task it led to, and the number of the entry that holds the request. */
export interface KnownKey {
  readonly task: string;
  readonly entry: number;
}

/**
 * A key leads to one task. Whether a second request under it is the same one, or a conflict, or a replay, is seen by
 * comparing it with the first: nothing about its content has to stand in a head for that (`known-request.ts`).
 */
export const idempotencyDecider: Decider = {
  name: 'idempotency',
  kinds: ['accept', 'park', 'signal'],
  keys(entry) {
    const head = entry.head as unknown as MessageHead;
    return head.key === undefined ? [] : [idempotencyRow(head.from, head.key)];
  },
  decide(rows, entry) {
    const head = entry.head as unknown as MessageHead;
    if (head.key === undefined) return NO_WRITES;
    const key = idempotencyRow(head.from, head.key);
    const known = rows(key) as unknown as KnownKey | undefined;
    if (known && known.task !== entry.task)
      return { refuse: errorBody('DUPLICATE', 'This request has been accepted before.', { ...known }) };
    if (known) return NO_WRITES;
    return [{ key, value: { task: entry.task ?? head.message, entry: entry.seq }, expires: entry.at + KEY_LIFETIME }];
  },
};
