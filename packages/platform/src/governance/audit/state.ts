import { canonicalJson } from '@aip/wire';
import type { JournalReader } from '../../kernel/journal.ts';
import type { Replay } from './replay.ts';
import type { AuditProblem } from './verify.ts';

const PAGE = 1_000;

/**
 * Every row that the store keeps – balances, task heads, kills – has to be what the log makes it, and none may be
 * gone before its time.
 *
 * @param size entries that were replayed; rows that have come further meanwhile are not compared
 */
export function compareState(
  read: JournalReader,
  tenant: string,
  replay: Replay,
  { size, now }: { readonly size: number; readonly now: number },
): AuditProblem[] {
  const problems: AuditProblem[] = [];
  const wrong = (key: string, what: string): void =>
    void problems.push({ what: `the row "${key.replaceAll('\n', ' ')}" ${what}` });
  const seen = new Set<string>();
  for (const { key, value } of everyRow(read, tenant)) {
    seen.add(key);
    const replayed = replay.row(key);
    if (replayed === undefined || canonicalJson(replayed) !== canonicalJson(value))
      wrong(key, 'is not what the log makes it');
  }
  for (const key of replay.keys(now)) if (!seen.has(key)) wrong(key, 'is missing');
  return read.rowsAt(tenant) === size ? problems : [];
}

function* everyRow(read: JournalReader, tenant: string) {
  let after: string | undefined;
  for (;;) {
    const rows = read.rows(tenant, '', { limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* rows;
    after = rows.at(-1)?.key;
    if (after === undefined || rows.length < PAGE) return;
  }
}
