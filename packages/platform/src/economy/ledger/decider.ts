import type { Json } from '@aip/wire';
import { NO_WRITES, type Decider, type Entry, type Rows, type RowWrite } from '../../kernel/entry.ts';
import { errorBody } from '../../kernel/error-body.ts';
import type { Hold } from '../../kernel/task.ts';

/** An account in integer units. A hold is pending on both sides; a capture posts it, a release drops it. */
export interface AccountRow {
  readonly debitsPosted: number;
  readonly creditsPosted: number;
  readonly debitsPending: number;
  readonly creditsPending: number;
}

/** One transfer from its hold to its end. `kept`: the effect is unknown, so the money waits for a person. */
export interface HoldRow extends Hold {
  readonly task: string;
  readonly state: 'held' | 'kept' | 'captured' | 'released';
  readonly at: number;
}

const RESOLUTIONS = ['captured', 'released', 'kept'] as const;

export const accountKey = (id: string): string => `account:${id}`;
export const holdKey = (task: string): string => `hold:${task}`;
export const holdsOf = (payer: string): string => `holds:${payer}`;

const EMPTY: AccountRow = { debitsPosted: 0, creditsPosted: 0, debitsPending: 0, creditsPending: 0 };

/**
 * The double-entry ledger, inside the commit: every unit that leaves one account arrives in another, a hold is
 * made with the accept it pays for, and resolved exactly once.
 */
export const ledgerDecider: Decider = {
  name: 'ledger',
  kinds: ['accept', 'settle', 'ledger.reconcile'],
  keys(entry) {
    const hold = holdIn(entry);
    return hold ? [holdKey(taskOf(entry)), accountKey(hold.payer), accountKey(hold.payee)] : [];
  },
  decide(rows, entry) {
    const hold = holdIn(entry);
    if (!hold) return NO_WRITES;
    if (entry.kind === 'accept') return held(rows, entry, hold);
    return resolved(rows, entry, hold);
  },
};

const holdIn = (entry: Entry): Hold | undefined => entry.head['hold'] as unknown as Hold | undefined;
const taskOf = (entry: Entry): string => entry.task ?? (entry.head['task'] as string);

function held(rows: Rows, entry: Entry, hold: Hold) {
  if (!Number.isSafeInteger(hold.amount) || hold.amount <= 0)
    return { refuse: errorBody('INVALID_ARGUMENT', `A price is a whole number of units above 0, not ${hold.amount}.`) };
  if (hold.payer === hold.payee) return { refuse: errorBody('INVALID_ARGUMENT', 'Nobody pays themselves.') };
  if (rows(holdKey(taskOf(entry)))) return { refuse: errorBody('CONFLICT', 'This call is paid for already.') };
  const payer = account(rows, hold.payer);
  const payee = account(rows, hold.payee);
  const next = payer.debitsPending + payer.debitsPosted + hold.amount;
  if (!Number.isSafeInteger(next) || !Number.isSafeInteger(payee.creditsPending + payee.creditsPosted + hold.amount))
    return { refuse: errorBody('BUDGET_EXCEEDED', 'The account cannot hold more units.') };
  return [
    holdRow({ ...hold, task: taskOf(entry), state: 'held', at: entry.at }),
    accountRow(hold.payer, { ...payer, debitsPending: payer.debitsPending + hold.amount }),
    accountRow(hold.payee, { ...payee, creditsPending: payee.creditsPending + hold.amount }),
  ];
}

function resolved(rows: Rows, entry: Entry, hold: Hold) {
  const resolution = RESOLUTIONS.find((known) => known === entry.head['resolution']);
  if (!resolution) return { refuse: errorBody('INVALID_ARGUMENT', 'A hold is captured, released or kept.') };
  const row = rows(holdKey(taskOf(entry))) as unknown as HoldRow | undefined;
  // The end of a task finds its hold as the accept left it; a person finds it kept.
  const expected = entry.kind === 'settle' ? 'held' : 'kept';
  if (row?.state !== expected || !same(row, hold)) {
    return {
      refuse: errorBody(
        'CONFLICT',
        `The hold of task ${taskOf(entry)} is ${row?.state ?? 'not there'}, not ${expected}.`,
      ),
    };
  }
  if (resolution === 'kept') return [holdRow({ ...row, state: 'kept' })];
  const posted = resolution === 'captured' ? hold.amount : 0;
  const payer = account(rows, hold.payer);
  const payee = account(rows, hold.payee);
  return [
    holdRow({ ...row, state: resolution }),
    accountRow(hold.payer, {
      ...payer,
      debitsPending: payer.debitsPending - hold.amount,
      debitsPosted: payer.debitsPosted + posted,
    }),
    accountRow(hold.payee, {
      ...payee,
      creditsPending: payee.creditsPending - hold.amount,
      creditsPosted: payee.creditsPosted + posted,
    }),
  ];
}

const same = (a: Hold, b: Hold): boolean =>
  a.payer === b.payer && a.payee === b.payee && a.amount === b.amount && a.day === b.day;

const account = (rows: Rows, id: string): AccountRow =>
  (rows(accountKey(id)) as unknown as AccountRow | undefined) ?? EMPTY;
const accountRow = (id: string, row: AccountRow): RowWrite => ({ key: accountKey(id), value: row as unknown as Json });
const holdRow = (row: HoldRow): RowWrite => ({
  key: holdKey(row.task),
  value: row as unknown as Json,
  list: holdsOf(row.payer),
  open: row.state === 'kept',
});
