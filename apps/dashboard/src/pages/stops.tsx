import { useState } from 'react';
import { useLive } from '../live.tsx';
import { Empty, Loaded, Page } from '../parts/page.tsx';
import { StopCard } from '../parts/stop-card.tsx';
import { StopDialog } from '../parts/stop-dialog.tsx';

export function StopsPage() {
  const { stops, may } = useLive();
  const [open, setOpen] = useState(false);
  const kill = may('kills.kill') && (
    <button type="button" className="danger" onClick={() => setOpen(true)}>
      Kill or pause…
    </button>
  );
  return (
    <Page name="Stops" title="Stops" actions={kill}>
      <p className="lead">
        A stop is an entry in the log, and nothing under its scope can be accepted after it until it is released. The
        order of the entries is the proof; <code>aip audit verify</code> checks it, and so does the{' '}
        <a href="#/audit">audit page</a>.
      </p>
      <Loaded from={stops}>
        {(list) =>
          list.length === 0 ? (
            <Empty>
              Nothing is stopped. Kill or pause everything, one agent, a capability, a tool server or a protocol; its
              proof appears here.
            </Empty>
          ) : (
            <div className="stop-cards">
              {list.map((stop) => (
                <StopCard key={`${stop.scope} ${stop.seq}`} stop={stop} />
              ))}
            </div>
          )
        }
      </Loaded>
      {open && <StopDialog scope="global" onClose={() => setOpen(false)} />}
    </Page>
  );
}
