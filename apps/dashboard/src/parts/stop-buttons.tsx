import { useCallback, useState } from 'react';
import { api, type Stop } from '../api.ts';
import { useAction, useLive } from '../live.tsx';
import { Badge } from './badge.tsx';
import { useNotify } from './notice.tsx';
import { Problem } from './page.tsx';
import { StopDialog } from './stop-dialog.tsx';

function useStop(scope: string): Stop | undefined {
  return useLive().stops.data?.find((stop) => stop.scope === scope);
}

/** Says that something is stopped by itself; what stops everything is said elsewhere. */
export function StopBadge({ scope }: { scope: string }) {
  const stop = useStop(scope);
  return stop && <Badge tone="bad">{stop.mode === 'pause' ? 'paused' : 'stopped'}</Badge>;
}

/** Kills or pauses an agent or a server, or releases it, whatever of it the role may do. */
export function StopButtons({ scope, name }: { scope: string; name: string }) {
  const { may } = useLive();
  const stop = useStop(scope);
  const [chosen, setChosen] = useState<'kill' | 'pause'>();
  if (stop) return may('kills.release') ? <ReleaseButton scope={scope} name={name} /> : null;
  if (!may('kills.kill')) return null;
  return (
    <>
      <button type="button" onClick={() => setChosen('pause')}>
        Pause<span className="unseen"> {name}</span>
      </button>
      <button type="button" className="danger-quiet" onClick={() => setChosen('kill')}>
        Kill<span className="unseen"> {name}</span>
      </button>
      {chosen && <StopDialog scope={scope} mode={chosen} onClose={() => setChosen(undefined)} />}
    </>
  );
}

function ReleaseButton({ scope, name }: { scope: string; name: string }) {
  const notify = useNotify();
  const release = useAction(
    useCallback(async () => {
      await api.release(scope, '');
      notify(`${name} released.`);
    }, [scope, name, notify]),
  );
  return (
    <>
      <button type="button" onClick={() => release.run()} disabled={release.busy}>
        Release<span className="unseen"> {name}</span>
      </button>
      <Problem error={release.error} />
    </>
  );
}
