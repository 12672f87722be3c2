import type { Json } from '@aip/wire';
import type { Ask } from '../../kernel/ask.ts';
import { NO_WRITES, type Decider, type Entry } from '../../kernel/entry.ts';
import { errorBody } from '../../kernel/error-body.ts';

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
export const ASKS = 'asks';

/**
 * An approval is bound to a hash of the arguments, is answered once, and is used up by the one accept that
 * cites it. When its task ends unanswered, it closes.
 */
export const approvalDecider: Decider = {
  name: 'approvals',
  kinds: ['park', 'answer', 'accept', 'settle'],
  keys(entry) {
    if (entry.kind === 'park') return [askKey((entry.head['ask'] as { id: string }).id)];
    if (entry.kind === 'answer') return [askKey(entry.head['ask'] as string)];
    if (entry.kind === 'settle') return entry.head['ask'] === undefined ? [] : [askKey(entry.head['ask'] as string)];
    return entry.head['approval'] === undefined ? [] : [askKey(entry.head['approval'] as string)];
  },
  decide(rows, entry) {
    if (entry.kind === 'park') return [write(opened(entry))];
    if (entry.kind === 'answer')
      return answered(rows(askKey(entry.head['ask'] as string)) as AskRow | undefined, entry);
    if (entry.kind === 'settle')
      return closed(
        entry.head['ask'] === undefined ? undefined : (rows(askKey(entry.head['ask'] as string)) as AskRow | undefined),
      );
    if (entry.head['approval'] === undefined) return NO_WRITES;
    return used(rows(askKey(entry.head['approval'] as string)) as AskRow | undefined, entry);
  },
};

const write = (row: AskRow) => ({
  key: askKey(row.ask.id),
  value: row as unknown as Json,
  list: ASKS,
  open: row.state === 'open' || row.state === 'approved',
});

function opened(entry: Entry): AskRow {
  const head = entry.head as unknown as AskRow & { ask: Ask };
  return {
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

function closed(row: AskRow | undefined) {
  return row?.state === 'open' || row?.state === 'approved' ? [write({ ...row, state: 'closed' })] : NO_WRITES;
}

function used(row: AskRow | undefined, entry: Entry) {
  const fits =
    row?.state === 'approved' && row.task === entry.task && row.argumentsHash === entry.head['argumentsHash'];
  if (!row || !fits)
    return {
      refuse: errorBody(
        'APPROVAL_DENIED',
        'The approval this call cites is not an open approval of exactly this call.',
      ),
    };
  return [write({ ...row, state: 'used' })];
}
