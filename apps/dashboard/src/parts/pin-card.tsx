import { useCallback } from 'react';
import { api, type Pin } from '../api.ts';
import { ago, withShortDigests } from '../format.ts';
import { useAction, useLive, useNow } from '../live.tsx';
import { wordDifference } from '../word-difference.ts';
import { useNotify } from './notice.tsx';
import { Problem } from './page.tsx';

/** A tool that is not as somebody agreed to it: what has changed, what is suspicious, and the decision. */
export function PinCard({ pin }: { pin: Pin }) {
  const { may } = useLive();
  const notify = useNotify();
  const now = useNow();
  const { server, tool, digest, changes = [] } = pin;
  const decide = useAction(
    useCallback(
      async (verdict: 'accept' | 'reject') => {
        // With the digest: if it has changed again meanwhile, nobody has looked at that yet.
        if (verdict === 'accept') await api.pin(server, tool, digest ?? '');
        else await api.reject(server, tool);
        notify(
          verdict === 'accept' ? `${tool} is offered again, as it is now.` : `${tool} stays out, whatever it becomes.`,
        );
      },
      [server, tool, digest, notify],
    ),
  );
  return (
    <article className="pin-card" aria-label={tool}>
      <h3>{tool}</h3>
      <p className="muted">
        {pin.quarantined_at !== undefined && `Quarantined ${ago(pin.quarantined_at, now)}. `}
        {pin.pinned_at === undefined
          ? 'Nobody has agreed to it yet.'
          : `Pinned ${ago(pin.pinned_at, now)} by ${pin.pinned_by ?? 'somebody'}.`}
      </p>
      {pin.findings.length > 0 && (
        <ul className="findings">
          {pin.findings.map(({ kind, detail }) => (
            <li key={`${kind} ${detail}`}>
              <strong>{kind.replaceAll(/[-_]/g, ' ')}</strong> {withShortDigests(detail)}
            </li>
          ))}
        </ul>
      )}
      {changes.map((change) => (
        <Change key={change.path} {...change} />
      ))}
      <Problem error={decide.error} />
      {may('mcp.pin') ? (
        <div className="buttons">
          <button type="button" disabled={decide.busy || digest === undefined} onClick={() => decide.run('accept')}>
            Accept as it is now<span className="unseen">: {tool}</span>
          </button>
          <button type="button" className="danger-quiet" disabled={decide.busy} onClick={() => decide.run('reject')}>
            Reject<span className="unseen"> {tool}</span>
          </button>
        </div>
      ) : (
        <p className="muted">An administrator decides, here or with aip mcp pin.</p>
      )}
    </article>
  );
}

function Change({ path, before, after }: NonNullable<Pin['changes']>[number]) {
  return (
    <div>
      <p className="label">{placeOf(path)}</p>
      <p className="difference">
        {wordDifference(before ?? '', after ?? '').map(({ in: where, text }, index) =>
          where === 'both' ? text : where === 'old' ? <del key={index}>{text}</del> : <ins key={index}>{text}</ins>,
        )}
      </p>
    </div>
  );
}

/** A JSON Pointer in words: `inputSchema › path › description`. */
function placeOf(pointer: string): string {
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const shown = parts.filter((part) => part !== 'properties');
  return shown.length === 0 ? 'The whole definition' : shown.join(' › ');
}
