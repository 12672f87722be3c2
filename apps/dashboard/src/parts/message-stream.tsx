import { useState } from 'react';
import { entryNumber, nameOf, scopeName, target, timeOfDay, withNames, type Names } from '../format.ts';
import { useLive } from '../live.tsx';
import { BACKFILL, type LogView } from '../log-view.ts';
import { linkTo } from '../route.ts';
import { withoutRepeats, type MessageRow, type StopRow, type StreamRow } from '../stream-rows.ts';
import { OutcomeBadge, ProtocolBadge } from './badge.tsx';
import { Empty, Section } from './page.tsx';

const SHOWN = 60;

/** The latest messages, newest first. It can be held still for reading. */
export function MessageStream() {
  const { log, names } = useLive();
  const [held, setHeld] = useState<LogView>();
  const [everything, setEverything] = useState(false);
  const rows = withoutRepeats(
    (held ?? log).stream.filter((row) => everything || isTraffic(row)),
    SHOWN,
  );
  const controls = (
    <div className="section-controls">
      <label className="check">
        <input type="checkbox" checked={everything} onChange={(event) => setEverything(event.target.checked)} />
        Platform operations
      </label>
      <button
        type="button"
        className="small"
        aria-pressed={held !== undefined}
        onClick={() => setHeld(held ? undefined : log)}
      >
        Hold still
      </button>
    </div>
  );
  return (
    <Section title="Messages" note={controls}>
      {rows.length === 0 ? (
        <NoRows log={held ?? log} />
      ) : (
        <table className="messages">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">From → to</th>
              <th scope="col">Over</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ row, times }) =>
              row.row === 'stop' ? (
                <StopLine key={row.key} row={row} names={names} />
              ) : (
                <MessageLine key={row.key} row={row} times={times} names={names} />
              ),
            )}
          </tbody>
        </table>
      )}
    </Section>
  );
}

function NoRows({ log: { stream, known } }: { log: LogView }) {
  if (stream.length > 0) return <Empty>Nothing here but what the platform itself was asked to do.</Empty>;
  if (known > BACKFILL)
    return (
      <Empty>
        No message is among the latest entries of the log. Older ones: <code>aip tasks</code>, or{' '}
        <a href={linkTo('audit')}>Audit</a>.
      </Empty>
    );
  return (
    <Empty>
      No messages yet. Run <code>aip demo runaway</code> to see agents talk, or connect one with{' '}
      <code>aip agent create</code>.
    </Empty>
  );
}

/** What the dashboard and the command themselves do is left out, unless it was refused. */
const isTraffic = (row: StreamRow): boolean =>
  row.row === 'stop' || !row.to.startsWith('operation:') || row.outcome === 'denied';

function MessageLine({ row, times, names }: { row: MessageRow; times: number; names: Names }) {
  const { owner, what } = target(row.to, names);
  return (
    <tr className={row.outcome}>
      <td className="number time">{timeOfDay(row.at)}</td>
      <td className="path">
        <a href={row.task === undefined ? linkTo('audit', row.seq) : linkTo('task', row.task)}>
          <span className="party">{row.fromName || nameOf(row.from, names)}</span>
          <span className="arrow" aria-label="to">
            {' → '}
          </span>
          <span className="party">{owner}</span>
          {what !== '' && <span className="what"> {what}</span>}
        </a>
        {times > 1 && <span className="times number"> × {times}</span>}
        {row.reason !== undefined && (
          <span className="reason">{CANCELED[row.reason] ?? withNames(row.reason, names)}</span>
        )}
      </td>
      <td>
        <ProtocolBadge edge={row.edge} />
      </td>
      <td>
        <OutcomeBadge outcome={row.outcome} />
      </td>
    </tr>
  );
}

/** Why a task was canceled, in words. */
const CANCELED: Readonly<Record<string, string>> = {
  caller: 'by its caller',
  deadline: 'its deadline passed',
  disconnect: 'its caller went away',
  kill: 'stopped by a kill',
  shutdown: 'the platform was stopped',
};

const STOPPED = { kill: 'killed', pause: 'paused', quarantine: 'quarantined', release: 'released' } as const;

/** Above this line nothing of the scope is accepted, until its release. */
function StopLine({ row, names }: { row: StopRow; names: Names }) {
  return (
    <tr className={row.what === 'release' ? 'stop-line released' : 'stop-line'}>
      <td className="number time">{timeOfDay(row.at)}</td>
      <td colSpan={3}>
        <a href={linkTo('audit', row.seq)}>
          {scopeName(row.scope, names)} {STOPPED[row.what]} <span className="number">{entryNumber(row.seq)}</span>
        </a>
      </td>
    </tr>
  );
}
