import { useCallback } from 'react';
import { api, type Stop, type StopProof } from '../api.ts';
import { count, dateAndTime, entryNumber, exactTime, nameOf, plural, relativeToT, scopeName } from '../format.ts';
import { useAction, useLive, useResource } from '../live.tsx';
import { linkTo } from '../route.ts';
import { Badge } from './badge.tsx';
import { useNotify } from './notice.tsx';
import { Loaded, Problem } from './page.tsx';

const MODES: Readonly<Record<string, string>> = { kill: 'killed', pause: 'paused', quarantine: 'quarantined' };

/** One active stop: what, since when, the proof that it holds, and its release. */
export function StopCard({ stop }: { stop: Stop }) {
  const { names, log, may } = useLive();
  const notify = useNotify();
  const { scope } = stop;
  const proof = useResource(
    useCallback(() => api.proof(scope), [scope]),
    log.revisions.proofs,
  );
  const release = useAction(
    useCallback(async () => {
      await api.release(scope, '');
      notify(`${scopeName(scope, names)} released.`);
    }, [scope, names, notify]),
  );

  return (
    <article className="stop-card" aria-label={scopeName(scope, names)}>
      <div className="stop-head">
        <h2>
          {scopeName(scope, names)} <Badge tone="bad">{MODES[stop.mode] ?? stop.mode}</Badge>
        </h2>
        {may('kills.release') ? (
          <button type="button" onClick={() => release.run()} disabled={release.busy}>
            Release<span className="unseen"> {scopeName(scope, names)}</span>
          </button>
        ) : (
          <p className="muted">An administrator can release it.</p>
        )}
      </div>
      <p className="muted">
        By {nameOf(stop.by, names)}, {dateAndTime(stop.at)}: {stop.reason}
      </p>
      <Problem error={release.error} />
      <Loaded from={proof}>{(data) => <Proof proof={data} />}</Loaded>
    </article>
  );
}

interface Step {
  readonly what: string;
  readonly moment: string;
  readonly seq?: number;
  readonly tone: 'pass' | 'order' | 'wall' | 'refused';
  /** Milliseconds from T, for the order of the steps. */
  readonly at: number;
}

/** The proof in one line of moments and one sentence. T is when the order was received. */
function Proof({ proof }: { proof: StopProof }) {
  const { kill, last_accept: last, accepted_since: accepted } = proof;
  const order = orderOf(proof);
  return (
    <>
      <ol className="moments">
        {stepsOf(proof).map(({ what, moment, seq, tone }) => (
          <li key={what} className={tone}>
            <span className="moment">{moment}</span>
            <span className="what">{what}</span>
            {seq !== undefined && (
              <a className="number" href={linkTo('audit', seq)}>
                {entryNumber(seq)}
              </a>
            )}
          </li>
        ))}
      </ol>
      <p className="verdict">
        {last === null
          ? 'No message was accepted under this scope before it.'
          : `Last message accepted at ${relativeToT(last.after_ms)}, entry ${entryNumber(last.seq)}.`}{' '}
        {order} received {exactTime(kill.received_at)} (T), entry {entryNumber(kill.seq)}.{' '}
        <strong className={accepted === 0 ? undefined : 'broken'}>{count(accepted)} accepted since.</strong>{' '}
        {plural(proof.refused_since, 'call')} refused since.
      </p>
    </>
  );
}

const orderOf = ({ mode }: StopProof): string =>
  mode === 'pause' ? 'Pause' : mode === 'quarantine' ? 'Quarantine' : 'Kill';

function stepsOf(proof: StopProof): Step[] {
  const { kill, last_accept: last, refused_since: refused } = proof;
  const recorded = kill.at - kill.received_at;
  const order = orderOf(proof);
  const steps: Step[] = [
    { what: `${order} received`, moment: relativeToT(0), tone: 'order', at: 0 },
    { what: `${order} on record`, moment: relativeToT(recorded), seq: kill.seq, tone: 'wall', at: recorded },
  ];
  if (last)
    steps.push({
      what: 'Last message accepted',
      moment: relativeToT(last.after_ms),
      seq: last.seq,
      tone: 'pass',
      at: last.after_ms,
    });
  // Within one millisecond the log decides, and the order came before its entry.
  const ordered = steps.toSorted((a, b) => a.at - b.at || (a.seq ?? -1) - (b.seq ?? -1));
  return [...ordered, { what: 'Refused since', moment: count(refused), tone: 'refused', at: Number.POSITIVE_INFINITY }];
}
