import { useCallback, useMemo, useState } from 'react';
import { api, type AuditEntry } from '../api.ts';
import type { LogEntry } from '../feed.ts';
import { count, entryNumber, nameOf, scopeName, target, timeOfDay, type Names } from '../format.ts';
import { useLive, useResource } from '../live.tsx';
import { EntryDetail } from '../parts/entry-detail.tsx';
import { Empty, Loaded, Page, Section } from '../parts/page.tsx';
import { VerifyPanel } from '../parts/verify-panel.tsx';
import { linkTo } from '../route.ts';
import { contentOf } from '../verify.ts';

const PAGE_SIZE = 50;

/** The log itself: its latest entries as they come, older ones by page, and any one in full (`item`: its number). */
export function AuditPage({ item }: { item: string | undefined }) {
  const { log } = useLive();
  const [before, setBefore] = useState<number>();
  const [reads, setReads] = useState(false);
  const selected = item === undefined || !/^\d{1,15}$/.test(item) ? undefined : Number(item);
  const end = before ?? log.size;
  const controls = (
    <div className="section-controls">
      <label className="check">
        <input type="checkbox" checked={reads} onChange={(event) => setReads(event.target.checked)} />
        Show reads
      </label>
      <button type="button" className="small" disabled={before === undefined} onClick={() => setBefore(undefined)}>
        Latest
      </button>
      <button
        type="button"
        className="small"
        disabled={before === undefined}
        onClick={() => setBefore(end + PAGE_SIZE >= log.size ? undefined : end + PAGE_SIZE)}
      >
        Newer
      </button>
      <button type="button" className="small" disabled={end <= PAGE_SIZE} onClick={() => setBefore(end - PAGE_SIZE)}>
        Older
      </button>
    </div>
  );
  return (
    <Page name="Audit" title="Audit">
      <VerifyPanel />
      <div className={selected === undefined ? 'audit' : 'audit with-detail'}>
        <Section
          title={
            before === undefined
              ? 'Latest entries'
              : `Entries ${entryNumber(Math.max(0, end - PAGE_SIZE))} to ${entryNumber(end - 1)}`
          }
          note={controls}
        >
          {before === undefined ? (
            <EntryTable entries={log.entries} selected={selected} reads={reads} />
          ) : (
            <OlderEntries end={before} selected={selected} reads={reads} />
          )}
        </Section>
        {selected !== undefined && <EntryDetail key={selected} seq={selected} />}
      </div>
    </Page>
  );
}

function OlderEntries({ end, selected, reads }: { end: number; selected: number | undefined; reads: boolean }) {
  const from = Math.max(0, end - PAGE_SIZE);
  const page = useResource(
    useCallback(() => api.auditEntries(from, end - from), [from, end]),
    0,
  );
  return (
    <Loaded from={page}>
      {(entries) => <EntryTable entries={entries.map(logEntry).toReversed()} selected={selected} reads={reads} />}
    </Loaded>
  );
}

function logEntry(entry: AuditEntry): LogEntry {
  const { seq, at, kind, task } = entry;
  const head = (contentOf(entry)?.['head'] ?? {}) as LogEntry['head'];
  return { seq, at, kind, head, ...(task === undefined ? {} : { task }) };
}

function EntryTable({
  entries,
  selected,
  reads,
}: {
  entries: readonly LogEntry[];
  selected: number | undefined;
  reads: boolean;
}) {
  const { names } = useLive();
  const shown = useMemo(
    () => entries.filter(({ kind }) => reads || kind !== 'read').slice(0, PAGE_SIZE),
    [entries, reads],
  );
  if (shown.length === 0) {
    const hidden = entries.length - shown.length;
    return (
      <Empty>
        {hidden > 0
          ? `Only ${count(hidden)} reads here; tick "Show reads" to see them.`
          : 'The log is empty; the first message makes the first entry.'}
      </Empty>
    );
  }
  return (
    <table className="entries">
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col">Time</th>
          <th scope="col">Kind</th>
          <th scope="col">What</th>
        </tr>
      </thead>
      <tbody>
        {shown.map((entry) => (
          <tr
            key={entry.seq}
            className={entry.seq === selected ? 'selected' : entry.kind === 'kill' ? 'killing' : undefined}
          >
            <td className="number">
              <a href={linkTo('audit', entry.seq)} aria-current={entry.seq === selected ? 'true' : undefined}>
                {entryNumber(entry.seq)}
              </a>
            </td>
            <td className="number time">{timeOfDay(entry.at)}</td>
            <td className="kind">{entry.kind}</td>
            <td className="what">{summary(entry, names)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** An entry in a few words. */
function summary({ kind, head, task }: LogEntry, names: Names): string {
  const text = (field: string): string => (typeof head[field] === 'string' ? head[field] : '');
  if (kind === 'kill' || kind === 'release')
    return `${scopeName(text('scope'), names)}${text('reason') === '' ? '' : ` – ${text('reason')}`}`;
  if (text('to') !== '') {
    const { owner, what } = target(text('to'), names);
    const path = `${text('fromName') || nameOf(text('from'), names)} → ${owner}${what === '' ? '' : ` ${what}`}`;
    return kind === 'deny' ? `${path} – ${text('code')}` : path;
  }
  if (kind === 'event' || kind === 'settle')
    return [text('state'), text('code')].filter(Boolean).join(' – ') || text('type');
  if (kind === 'answer') return `${text('verdict')} by ${nameOf(text('by'), names)}`;
  return text('name') || nameOf(text('did'), names) || (task?.slice(0, 8) ?? '');
}
