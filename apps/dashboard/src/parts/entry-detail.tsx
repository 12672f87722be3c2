import { useCallback, useState } from 'react';
import { api, type AuditEntry } from '../api.ts';
import { count, entryNumber, exactTime } from '../format.ts';
import { useAction, useResource } from '../live.tsx';
import { linkTo } from '../route.ts';
import { contentOf, verifyEntry, type Refuted, type Verified } from '../verify.ts';
import { Code, JsonText } from './json.tsx';
import { Loaded, Problem, Section } from './page.tsx';

/** One entry in full: the text that its leaf hashes, and the proof that it is in the signed log. */
export function EntryDetail({ seq }: { seq: number }) {
  const entry = useResource(
    useCallback(async () => (await api.auditEntries(seq, 1)).find((found) => found.seq === seq) ?? null, [seq]),
    0,
  );
  return (
    <Section title={`Entry ${entryNumber(seq)}`} className="entry-detail" note={<a href={linkTo('audit')}>Close</a>}>
      <Loaded from={entry}>
        {(found) =>
          found === null ? <p className="empty">There is no entry {entryNumber(seq)}.</p> : <Detail entry={found} />
        }
      </Loaded>
    </Section>
  );
}

function Detail({ entry }: { entry: AuditEntry }) {
  const [result, setResult] = useState<Verified | Refuted>();
  const prove = useAction(
    useCallback(async () => {
      const [head, proof] = await Promise.all([api.auditHead(), api.inclusion(entry.seq)]);
      setResult(await verifyEntry(entry, proof, head));
    }, [entry]),
  );
  return (
    <>
      <dl className="facts">
        <div>
          <dt>Kind</dt>
          <dd>{entry.kind}</dd>
        </div>
        <div>
          <dt>Recorded</dt>
          <dd className="number">{exactTime(entry.at)}</dd>
        </div>
        {entry.task !== undefined && (
          <div>
            <dt>Task</dt>
            <dd>
              <a href={linkTo('task', entry.task)}>{entry.task.slice(0, 8)}</a>
            </dd>
          </div>
        )}
      </dl>
      <JsonText value={contentOf(entry)?.['head']} label="What it says" />
      <h3 className="label">Canonical text</h3>
      <Code text={entry.text} label="Canonical text" />
      <h3 className="label">Leaf</h3>
      <p>
        <code className="hash">{entry.leaf}</code>
      </p>
      <div className="buttons">
        <button type="button" onClick={() => prove.run()} disabled={prove.busy}>
          Prove that it is in the log
        </button>
      </div>
      <Problem error={prove.error} />
      <output>
        {result?.ok === true && (
          <span className="proved">
            Proved: this very text is in the tree of {count(result.signed)} entries that the gateway has signed.
          </span>
        )}
        {result?.ok === false && <span className="problem">{result.finding}</span>}
      </output>
    </>
  );
}
