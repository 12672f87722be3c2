import { AipError } from '@aip/wire';
import type { JournalReader, RowListing } from '../kernel/journal.ts';
import type { TaskHead } from '../kernel/task.ts';
import { SENDERS, senderKey, taskList, type SenderRow } from './task-decider.ts';

/** Tasks looked at for one page, and for one count: a filter that fits little must not hold up everybody. */
const MAX_SCANNED = 10_000;
/** Rows fetched at a time from a list. */
const CHUNK = 200;

export interface Selection {
  readonly tenant: string;
  /** Whose tasks; without it everybody's. */
  readonly from?: string | undefined;
  /** Which of them; without it all. */
  readonly wanted?: ((head: TaskHead) => boolean) | undefined;
}

export interface TaskPage {
  readonly heads: readonly TaskHead[];
  /** Where the next page begins; a page may be short, or empty, before the list has ended. */
  readonly next?: string;
}

/** Tasks that match, newest update first. Throws INVALID_ARGUMENT for a cursor that is none. */
export function listTasks(read: JournalReader, selection: Selection, limit: number, cursor?: string): TaskPage {
  const { wanted = () => true } = selection;
  const heads: TaskHead[] = [];
  let scanned = 0;
  let last: RowListing | undefined;
  for (const row of rowsOf(read, selection, cursor === undefined ? undefined : placeOf(cursor))) {
    // There is one more: the list goes on behind the last one that was looked at.
    if (last && (heads.length === limit || scanned === MAX_SCANNED))
      return { heads, next: `${last.updated}:${last.key}` };
    scanned++;
    last = row;
    if (wanted(headOf(row))) heads.push(headOf(row));
  }
  return { heads };
}

/** How many tasks match. `atLeast`: counting has stopped before the list ended. */
export function countTasks(read: JournalReader, selection: Selection): { total: number; atLeast: boolean } {
  const { tenant, from, wanted } = selection;
  if (!wanted) {
    const senders = sendersIn(read, tenant, from);
    return { total: senders.reduce((sum, sender) => sum + sender.tasks, 0), atLeast: false };
  }
  let total = 0;
  let scanned = 0;
  for (const row of rowsOf(read, selection)) {
    if (scanned++ === MAX_SCANNED) return { total, atLeast: true };
    if (wanted(headOf(row))) total++;
  }
  return { total, atLeast: false };
}

type Place = Pick<RowListing, 'updated' | 'key'>;

function rowsOf(read: JournalReader, { tenant, from }: Selection, before?: Place): Iterable<RowListing> {
  if (from !== undefined) return rowsFrom(read, tenant, from, before, CHUNK);
  const senders = sendersIn(read, tenant);
  const chunk = Math.max(4, Math.ceil(CHUNK / Math.max(1, senders.length)));
  return merged(senders.map((sender) => rowsFrom(read, tenant, sender.from, before, chunk)));
}

function* rowsFrom(read: JournalReader, tenant: string, from: string, start: Place | undefined, chunk: number) {
  for (let before = start; ;) {
    const rows = read.list(tenant, taskList(from), { limit: chunk, ...(before ? { before } : {}) });
    yield* rows;
    before = rows.at(-1);
    if (!before || rows.length < chunk) return;
  }
}

/** Several lists, each newest first, as one. */
function* merged(lists: readonly Iterator<RowListing>[]): Generator<RowListing> {
  const fronts = lists.flatMap((list) => front(list));
  while (fronts.length > 0) {
    const newest = fronts.reduce((best, next) => (isNewer(next.row, best.row) ? next : best));
    yield newest.row;
    fronts.splice(fronts.indexOf(newest), 1, ...front(newest.list));
  }
}

function front(list: Iterator<RowListing>): { row: RowListing; list: Iterator<RowListing> }[] {
  const next = list.next();
  return next.done ? [] : [{ row: next.value, list }];
}

/** As the lists themselves are ordered: by time, then by key. */
const isNewer = (a: Place, b: Place): boolean => a.updated > b.updated || (a.updated === b.updated && a.key > b.key);

function sendersIn(read: JournalReader, tenant: string, from?: string): SenderRow[] {
  if (from !== undefined) return [read.row(tenant, senderKey(from)) ?? []].flat() as unknown as SenderRow[];
  const senders: SenderRow[] = [];
  for (let after: string | undefined; ;) {
    const rows = read.rows(tenant, SENDERS, after === undefined ? {} : { after });
    senders.push(...rows.map(({ value }) => value as unknown as SenderRow));
    after = rows.at(-1)?.key;
    if (after === undefined) return senders;
  }
}

const headOf = (row: RowListing): TaskHead => row.value as unknown as TaskHead;

function placeOf(cursor: string): Place {
  const colon = cursor.indexOf(':');
  const updated = Number(cursor.slice(0, colon));
  const key = cursor.slice(colon + 1);
  if (colon < 1 || !Number.isSafeInteger(updated) || !key.startsWith('task:'))
    throw new AipError('INVALID_ARGUMENT', 'cursor: not one that this list has handed out');
  return { updated, key };
}
