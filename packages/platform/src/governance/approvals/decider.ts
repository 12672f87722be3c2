import type { Json } from '@aip/wire';
import type { Ask } from '../../kernel/ask.ts';
import { NO_WRITES, type Decider, type Entry, type Rows, type RowWrite } from '../../kernel/entry.ts';
import { errorBody } from '../../kernel/error-body.ts';
import type { Hold } from '../../kernel/task.ts';

/** An ask to operators, as it stands. */
export interface AskRow {
  readonly ask: Ask;
  readonly task: string;
  readonly from: string;
  readonly fromName: string;
  readonly to: string;
  readonly action: string;
  readonly argumentsHash: string;
  readonly state: 'open' | 'approved' | 'denied' | 'used' | 'closed';
  readonly asked: number;
  readonly by?: string;
  readonly reason?: string;
}

export const askKey = (id: string): string => `ask:${id}`;
/** How many calls of a sender wait. */
const waitingKey = (from: string): string => `waiting:${from}`;
export const ASKS = 'asks';

/** Calls of one sender that may wait for a person at a time: more than anybody looks through. */
const MAX_WAITING = 100;

/**
 * An approval is bound to a hash of the arguments and to the price, is answered once, and is used up by the one accept
 * that cites it. When its task ends unanswered, it closes. A call waits from its park to its accept, or to its end.
 */
export const approvalDecider: Decider = {
  name: 'approvals',
  kinds: ['park', 'answer', 'accept', 'settle'],
  keys(entry) {
    const ask = askOf(entry);
    if (ask === undefined) return [];
    return entry.kind === 'answer' ? [askKey(ask)] : [askKey(ask), waitingKey(entry.head['from'] as string)];
  },
  decide(rows, entry) {
    const ask = askOf(entry);
    if (ask === undefined) return NO_WRITES;
    if (entry.kind === 'park') return opened(rows, entry);
    const row = rows(askKey(ask)) as unknown as AskRow | undefined;
    if (entry.kind === 'answer') return answered(row, entry);
    return entry.kind === 'settle' ? closed(rows, row, entry) : used(rows, row, entry);
  },
};

/** The ask that an entry opens, answers, closes or uses up. */
function askOf({ kind, head }: Entry): string | undefined {
  if (kind === 'park') return (head['ask'] as unknown as Ask).id;
  return head[kind === 'accept' ? 'approval' : 'ask'] as string | undefined;
}

const write = (row: AskRow) => ({
  key: askKey(row.ask.id),
  value: row as unknown as Json,
  list: ASKS,
  open: row.state === 'open' || row.state === 'approved',
});

function waiting(rows: Rows, from: string, change: 1 | -1): RowWrite {
  const calls = ((rows(waitingKey(from)) as { calls: number } | undefined)?.calls ?? 0) + change;
  return { key: waitingKey(from), value: calls > 0 ? { calls } : null };
}

function opened(rows: Rows, entry: Entry) {
  const head = entry.head as unknown as AskRow & { ask: Ask };
  const known = rows(waitingKey(head.from)) as { calls: number } | undefined;
  if (known && known.calls >= MAX_WAITING)
    return {
      refuse: errorBody(
        'TOO_MANY_ASKS',
        `${known.calls} calls of ${head.fromName} wait for a person already; cancel some, or wait for their answers.`,
        { waiting: known.calls },
      ),
    };
  const row: AskRow = {
    ask: head.ask,
    task: entry.task as string,
    from: head.from,
    fromName: head.fromName,
    to: head.to,
    action: head.action,
    argumentsHash: head.argumentsHash,
    state: 'open',
    asked: entry.at,
  };
  return [write(row), waiting(rows, head.from, 1)];
}

function answered(row: AskRow | undefined, entry: Entry) {
  const { ask, verdict, by, reason } = entry.head as {
    ask: string;
    verdict: 'approve' | 'deny';
    by: string;
    reason?: string;
  };
  if (!row) return { refuse: errorBody('NOT_FOUND', `There is no ask ${ask}; "aip approvals" lists the open ones.`) };
  if (row.state === 'closed')
    return {
      refuse: errorBody('CONFLICT', `Ask ${ask} is closed: the call it was about has ended.`, { state: row.state }),
    };
  if (row.state !== 'open')
    return {
      refuse: errorBody('CONFLICT', `Ask ${ask} has been answered already: ${row.state}.`, { state: row.state }),
    };
  if (row.ask.expires !== undefined && entry.at > row.ask.expires)
    return { refuse: errorBody('APPROVAL_EXPIRED', `Ask ${ask} expired before this answer.`) };
  return [
    write({
      ...row,
      state: verdict === 'approve' ? 'approved' : 'denied',
      by,
      ...(reason === undefined ? {} : { reason }),
    }),
  ];
}

/** Whether this ask is about the call that the entry moves. */
const isOf = (row: AskRow | undefined, { task, head }: Entry): row is AskRow =>
  row !== undefined && row.task === task && row.from === head['from'];

function closed(rows: Rows, row: AskRow | undefined, entry: Entry) {
  if (!isOf(row, entry))
    return { refuse: errorBody('CONFLICT', `The ask that task ${entry.task} names as its own is another's.`) };
  if (row.state === 'closed' || row.state === 'used') return NO_WRITES;
  const next: AskRow = row.state === 'denied' ? row : { ...row, state: 'closed' };
  return [write(next), waiting(rows, row.from, -1)];
}

function used(rows: Rows, row: AskRow | undefined, entry: Entry) {
  if (!isOf(row, entry) || row.state !== 'approved' || row.argumentsHash !== entry.head['argumentsHash'])
    return {
      refuse: errorBody(
        'APPROVAL_DENIED',
        'The approval this call cites is not an open approval of exactly this call.',
      ),
    };
  const price = (entry.head['hold'] as unknown as Hold | undefined)?.amount ?? 0;
  // Asks of older logs say no price.
  const agreed = row.ask.body['price'] as number | undefined;
  if (agreed !== undefined && price > agreed)
    return {
      refuse: errorBody(
        'APPROVAL_REQUIRED',
        `The call was approved at ${agreed} units and costs ${price} now; send it again to ask anew.`,
        { approved: agreed, price },
      ),
    };
  return [write({ ...row, state: 'used' }), waiting(rows, row.from, -1)];
}
