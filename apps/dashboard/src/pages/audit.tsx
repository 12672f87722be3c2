import { useCallback, useMemo, useState } from 'react';
import { api } from '../api.ts';
import { isShown, PAGE_SIZE, pageBefore, type AuditPart } from '../audit-pages.ts';
import type { LogEntry } from '../feed.ts';
import { entryNumber, nameOf, scopeName, target, timeOfDay, type Names } from '../format.ts';
import { useLive, useResource, type Resource } from '../live.tsx';
import { EntryDetail } from '../parts/entry-detail.tsx';
import { Empty, Loaded, Page, Section } from '../parts/page.tsx';
import { VerifyPanel } from '../parts/verify-panel.tsx';
import { linkTo } from '../route.ts';

/** The log itself: its latest entries as they come, older ones by page, and any one in full (`item`: its number). */
export function AuditPage({ item }: { item: string | undefined }) {
  /** Where the pages that were gone back through end; none of them: the latest entries. */
  const [ends, setEnds] = useState<readonly number[]>([]);
  const [reads, setReads] = useState(false);
  const selected = item === undefined || !/^\d{1,15}$/.test(item) ? undefined : Number(item);
  const end = ends.at(-1);
  const latest = useLatest(reads);
  const older = usePageBefore(end, reads);
  const part = end === undefined ? latest : older;
  const from = part.data?.from ?? 0;
  const controls = (
    <div className="section-controls">
      <label className="check">
        <input type="checkbox" checked={reads} onChange={(event) => setReads(event.target.checked)} />
        Show reads
      </label>
      <button type="button" className="small" disabled={end === undefined} onClick={() => setEnds([])}>
        Latest
      </button>
      <button
        type="button"
        className="small"
        disabled={end === undefined}
        onClick={() => setEnds((known) => known.slice(0, -1))}
      >
        Newer
      </button>
      <button
        type="button"
        className="small"
        disabled={from === 0}
        onClick={() => setEnds((known) => [...known, from])}
      >
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
            end === undefined
              ? 'Latest entries'
              : `Entries ${entryNumber(from)} to ${entryNumber(Math.max(0, end - 1))}`
          }
          note={controls}
        >
          <Loaded from={part}>{(shown) => <EntryTable part={shown} selected={selected} />}</Loaded>
        </Section>
        {selected !== undefined && <EntryDetail key={selected} seq={selected} />}
      </div>
    </Page>
  );
}

/** The page that ends before an entry; without a number, nothing is read. */
function usePageBefore(end: number | undefined, reads: boolean): Resource<AuditPart> {
  const page = useResource(
    useCallback(
      async () =>
        end === undefined ? undefined : { end, reads, part: await pageBefore(api.auditEntries, end, reads) },
      [end, reads],
    ),
    0,
  );
  // The page that was read last is not the one that is asked for now, as long as that is on its way.
  const part = page.data?.end === end && page.data?.reads === reads ? page.data.part : undefined;
  return useMemo(() => ({ data: part, error: page.error }), [part, page.error]);
}

/**
 * What the feed has brought; where that does not fill the page, for most of it are reads, what came before as well,
 * which is looked for once.
 */
function useLatest(reads: boolean): Resource<AuditPart> {
  const { log } = useLive();
  const [start, setStart] = useState(log.size);
  // The feed has just begun: from here on it brings everything.
  if (start === 0 && log.size > 0) setStart(log.size);
  const followed = useMemo(() => log.entries.filter((entry) => isShown(entry, reads)), [log.entries, reads]);
  const isWhole = followed.length >= PAGE_SIZE || start === 0;
  const before = usePageBefore(isWhole ? undefined : start, reads);
  return useMemo(() => {
    if (!isWhole && before.data === undefined && followed.length === 0) return before;
    const known = new Set(followed.map(({ seq }) => seq));
    const earlier = (before.data?.entries ?? []).filter(({ seq }) => !known.has(seq));
    const entries = [...followed, ...earlier].toSorted((a, b) => b.seq - a.seq).slice(0, PAGE_SIZE);
    const oldest = entries.at(-1)?.seq ?? start;
    const from = entries.length === PAGE_SIZE ? oldest : Math.min(oldest, before.data?.from ?? oldest);
    return { data: { entries, from }, error: before.error };
  }, [followed, isWhole, before, start]);
}

function EntryTable({ part: { entries, from }, selected }: { part: AuditPart; selected: number | undefined }) {
  const { names } = useLive();
  if (entries.length === 0) {
    return (
      <Empty>
        {from > 0
          ? 'Only reads here; tick "Show reads" to see them, or go on to older entries.'
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
        {entries.map((entry) => (
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
