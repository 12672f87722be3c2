import type { Exchange } from '../../exchange/index.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { askKey, type AskRow } from './decider.ts';

const LAPSED = errorBody(
  'APPROVAL_EXPIRED',
  'This call was approved, but the platform was stopped until after its time; send the call again to ask anew.',
);

/** Lets parked calls go on as soon as their answer is durable, and those that a restart found answered already. */
export function resumeAnswered(exchange: Exchange): () => void {
  const { journal } = exchange;

  function resume(row: AskRow): void {
    if (row.state === 'approved')
      void exchange.resume(row.task, { approval: { askId: row.ask.id, by: row.by ?? 'unknown' } });
    if (row.state !== 'denied') return;
    const reason = row.reason === undefined ? '' : `: ${row.reason}`;
    void exchange.resume(row.task, {
      denied: errorBody('APPROVAL_DENIED', `${row.by ?? 'An operator'} denied this call${reason}.`),
    });
  }

  const stop = journal.follow(['answer'], (entry) => {
    const row = journal.read.row(entry.tenant, askKey(entry.head['ask'] as string));
    if (row) resume(row as unknown as AskRow);
  });
  for (const task of exchange.live.values()) {
    const known = task.askId !== undefined && journal.read.row(task.tenant, askKey(task.askId));
    if (!known) continue;
    const row = known as unknown as AskRow;
    // Whoever approved it meant then, not whenever the platform would start again.
    if (row.state === 'approved' && row.ask.expires !== undefined && row.ask.expires < exchange.clock.now())
      void exchange.resume(row.task, { denied: LAPSED });
    else resume(row);
  }
  return stop;
}
