import { canonicalJson } from '@aip/wire';
import type { JournalReader } from '../../kernel/journal.ts';
import type { Replay } from './replay.ts';
import type { AuditProblem } from './verify.ts';

const PAGE = 1_000;

/** Every row that the store keeps – balances, task heads, kills – has to be what the log makes it. */
export function compareState(read: JournalReader, tenant: string, replay: Replay): AuditProblem[] {
  const problems: AuditProblem[] = [];
  let after: string | undefined;
  for (;;) {
    const rows = read.rows(tenant, '', { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { key, value } of rows) {
      const replayed = replay.row(key);
      if (replayed === undefined || canonicalJson(replayed) !== canonicalJson(value))
        problems.push({ what: `the row "${key.replaceAll('\n', ' ')}" is not what the log makes it` });
    }
    after = rows.at(-1)?.key;
    if (after === undefined || rows.length < PAGE) return problems;
  }
}
