import { useCallback, useEffect, useRef, useState } from 'react';
import { api } from '../api.ts';
import { count, entryNumber, plural } from '../format.ts';
import { useAction, useLive } from '../live.tsx';
import { linkTo } from '../route.ts';
import { verifyLog, type Refuted, type Verified } from '../verify.ts';
import { Did } from './did.tsx';
import { Problem } from './page.tsx';

interface Progress {
  readonly done: number;
  readonly size: number;
}

/** Recomputes the whole log here, in the browser, so that nobody has to believe the platform about it. */
export function VerifyPanel() {
  const { gateway } = useLive();
  const [progress, setProgress] = useState<Progress>();
  const [result, setResult] = useState<Verified | Refuted>();
  const [took, setTook] = useState(0);
  const controller = useRef<AbortController>(undefined);
  useEffect(() => () => controller.current?.abort(), []);

  const verify = useAction(
    useCallback(async () => {
      controller.current = new AbortController();
      setResult(undefined);
      setProgress({ done: 0, size: 0 });
      const started = performance.now();
      try {
        const found = await verifyLog(api, (done, size) => setProgress({ done, size }), controller.current.signal);
        setTook(performance.now() - started);
        setResult(found);
      } finally {
        setProgress(undefined);
      }
    }, []),
  );

  return (
    <section className="verify-panel" aria-label="Verification">
      <div className="verify-what">
        <p>
          Downloads every entry, hashes it again, and checks the whole tree against the checkpoint that this gateway has
          signed.
        </p>
        <p className="muted">
          Gateway <Did did={gateway} />
        </p>
      </div>
      <button type="button" className="primary" onClick={() => verify.run()} disabled={verify.busy}>
        Verify in this browser
      </button>
      {progress && (
        <div className="verify-progress">
          <progress max={Math.max(1, progress.size)} value={progress.done} aria-label="Entries verified" />
          <span className="number muted">
            {count(progress.done)} of {count(progress.size)}
          </span>
        </div>
      )}
      <Problem error={verify.error} />
      <output className="verify-result">{result && <Result result={result} took={took} />}</output>
    </section>
  );
}

function Result({ result, took }: { result: Verified | Refuted; took: number }) {
  if (!result.ok) {
    return (
      <span className="refuted">
        <strong>Not intact.</strong> {result.finding}
        {result.seq !== undefined && (
          <>
            {' '}
            <a href={linkTo('audit', result.seq)}>Show entry {entryNumber(result.seq)}</a>
          </>
        )}
      </span>
    );
  }
  return (
    <span className="proved">
      <strong>Intact.</strong> {plural(result.signed, 'entry', 'entries')} recomputed; root and signature match the
      checkpoint.
      {result.unsigned > 0 &&
        ` ${plural(result.unsigned, 'newer entry', 'newer entries')} recomputed too, to be signed next.`}
      {result.stops > 0 && ` ${plural(result.stops, 'stop')} on record, 0 messages accepted under any of them.`}
      <span className="muted"> {count(Math.round(took))} ms.</span>
    </span>
  );
}
