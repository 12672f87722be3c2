import { useState, type ReactNode } from 'react';
import type { Ask, Budget, PolicyState, Stop } from '../api.ts';
import { count, countdown, payerOf, plural, scopeName, timeOfDay, units } from '../format.ts';
import { useLive, useNow, type Live } from '../live.tsx';
import { messageRate } from '../log-view.ts';
import { BudgetBar } from '../parts/budget-bar.tsx';
import { MessageStream } from '../parts/message-stream.tsx';
import { Empty, Loaded, Page, Section } from '../parts/page.tsx';
import { StopDialog } from '../parts/stop-dialog.tsx';
import { perSecond, TrafficChart } from '../parts/traffic-chart.tsx';
import { linkTo } from '../route.ts';

export function OverviewPage() {
  const live = useLive();
  return (
    <Page name="Overview" title={<Sentence live={live} />}>
      {live.policies.data?.problem !== undefined && <BrokenPolicies {...live.policies.data} />}
      <div className="overview">
        <div className="overview-main">
          <TrafficChart />
          <MessageStream />
        </div>
        <div className="overview-side">
          <StopPanel stops={live.stops.data ?? []} />
          <Section title="Waiting for you" className="compact">
            <Loaded from={live.asks}>{(asks) => <WaitingList asks={asks} live={live} />}</Loaded>
          </Section>
          <Section title="Spend today" className="compact" note={<a href={linkTo('spend')}>All budgets</a>}>
            <Loaded from={live.budgets}>{(budgets) => <SpendToday budgets={budgets} />}</Loaded>
          </Section>
        </div>
      </div>
    </Page>
  );
}

/** Policy files that somebody has broken: nothing shows it otherwise, since what was in force stays so. */
function BrokenPolicies({ problem, inForce }: PolicyState) {
  return (
    <section className="problem policies" aria-label="Policies">
      <p>{problem}</p>
      <p>
        {inForce
          ? 'So the policies from before are still in force. A start would find none, and permit nothing but the administrator’s control operations.'
          : 'So no policy is in force, and nothing is permitted but the administrator’s control operations.'}{' '}
        Mend the file in the data folder’s <code>policies</code>; it is read as soon as it is saved.{' '}
        <code>aip policy check</code> shows every error.
      </p>
    </section>
  );
}

/** The state of the platform as one would say it. */
function Sentence({ live }: { live: Live }) {
  const now = useNow();
  const global = live.stops.data?.find(({ scope }) => scope === 'global');
  if (global) {
    return (
      <span className="sentence stopped">
        Everything is {global.mode === 'pause' ? 'paused' : 'stopped'} since{' '}
        <span className="number">{timeOfDay(global.at)}</span>.
      </span>
    );
  }
  const connected = live.agents.data?.filter(({ state }) => state === 'connected').length ?? 0;
  const asks = live.asks.data?.length ?? 0;
  const stops = live.stops.data?.length ?? 0;
  const quarantined = live.quarantine.data?.length ?? 0;
  const strangers = live.pending.data?.length ?? 0;
  const failing = live.failing.data?.length ?? 0;
  const rate = messageRate(live.log.seconds, now);
  const parts: ReactNode[] = [
    <a key="agents" href={linkTo('agents')}>
      {connected === 0 ? 'No agent connected' : `${plural(connected, 'agent')} connected`}
    </a>,
  ];
  // Without messages it is quiet, but not where somebody is waited for.
  if (rate > 0) parts.push(<span key="rate">{perSecond(rate)}</span>);
  else if (stops + asks + quarantined + strangers + failing === 0 && live.policies.data?.problem === undefined)
    parts.push(<span key="rate">all quiet</span>);
  if (stops > 0) {
    parts.push(
      <a key="stops" href={linkTo('stops')} className="is-stopped">
        {plural(stops, 'stop')} in force
      </a>,
    );
  }
  if (asks > 0) {
    parts.push(
      <a key="asks" href={linkTo('approvals')} className="is-waiting">
        {plural(asks, 'call waits', 'calls wait')} for you
      </a>,
    );
  }
  if (strangers > 0) {
    parts.push(
      <a key="strangers" href={linkTo('agents')} className="is-waiting">
        {plural(strangers, 'agent asks', 'agents ask')} to join
      </a>,
    );
  }
  if (failing > 0) {
    parts.push(
      <a key="failing" href={linkTo('servers')} className="is-waiting">
        {plural(failing, 'server needs', 'servers need')} a look
      </a>,
    );
  }
  if (quarantined > 0) {
    parts.push(
      <a key="quarantine" href={linkTo('servers')} className="is-waiting">
        {plural(quarantined, 'tool')} quarantined
      </a>,
    );
  }
  return <span className="sentence">{parts.flatMap((part, index) => (index === 0 ? [part] : [', ', part]))}.</span>;
}

function StopPanel({ stops }: { stops: readonly Stop[] }) {
  const { names, may } = useLive();
  const [open, setOpen] = useState(false);
  return (
    <section className="stop-panel" aria-label="Kill switch">
      {stops.length === 0 ? (
        <p>Nothing is stopped.</p>
      ) : (
        <ul className="plain-list">
          {stops.slice(0, 4).map(({ scope, at }) => (
            <li key={scope}>
              <a href={linkTo('stops')}>{scopeName(scope, names)}</a>{' '}
              <span className="muted">stopped {timeOfDay(at)}</span>
            </li>
          ))}
          {stops.length > 4 && (
            <li className="muted">
              <a href={linkTo('stops')}>and {count(stops.length - 4)} more</a>
            </li>
          )}
        </ul>
      )}
      {may('kills.kill') ? (
        <>
          <button type="button" className="kill" onClick={() => setOpen(true)}>
            Kill…
          </button>
          <p className="muted">Closes sessions, cancels tasks, refuses the next call. You choose the scope.</p>
        </>
      ) : (
        <p className="muted">Your role may look on, but not stop anything.</p>
      )}
      {open && <StopDialog scope="global" onClose={() => setOpen(false)} />}
    </section>
  );
}

/** All that the headline counts, but for the stops, which the panel above has. */
function WaitingList({ asks, live: { pending, failing, quarantine } }: { asks: readonly Ask[]; live: Live }) {
  const now = useNow();
  const strangers = pending.data ?? [];
  const servers = failing.data ?? [];
  const tools = quarantine.data ?? [];
  if (asks.length + strangers.length + servers.length + tools.length === 0)
    return <Empty>Nothing waits for you.</Empty>;
  return (
    <ul className="plain-list">
      {firstOf(asks, 'calls', linkTo('approvals'), (ask) => (
        <li key={ask.id} className="waiting">
          <a href={linkTo('approvals', ask.id)}>{ask.summary ?? `${ask.from_name} wants to ${ask.action}`}</a>
          {ask.expires_at !== undefined && <span className="muted number">{countdown(ask.expires_at, now)}</span>}
        </li>
      ))}
      {firstOf(strangers, 'agents', linkTo('agents'), ({ did, name }) => (
        <li key={did} className="waiting">
          <a href={linkTo('agents')}>{name} asks to join</a>
        </li>
      ))}
      {firstOf(servers, 'servers', linkTo('servers'), (name) => (
        <li key={`server ${name}`} className="waiting">
          <a href={linkTo('servers', name)}>{name} needs a look</a>
        </li>
      ))}
      {firstOf(tools, 'tools', linkTo('servers'), ({ server, tool }) => (
        <li key={`tool ${server}/${tool}`} className="waiting">
          <a href={linkTo('servers', server)}>
            {tool} of {server} is quarantined
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The first four, and how many more there are on the page that has them all. */
function firstOf<T>(all: readonly T[], what: string, page: string, shown: (each: T) => ReactNode): ReactNode[] {
  const rest = all.length - 4;
  const more = (
    <li key={what} className="muted">
      <a href={page}>
        and {count(rest)} more {what}
      </a>
    </li>
  );
  return [...all.slice(0, 4).map(shown), ...(rest > 0 ? [more] : [])];
}

/** The limit of the day where there is one, else that of all time. */
function tighter({ per_day, total, spent_today, spent_total, held }: Budget) {
  const daily = typeof per_day === 'number' || typeof total !== 'number';
  return daily ? { spent: spent_today, held, limit: per_day } : { spent: spent_total, held, limit: total };
}

function SpendToday({ budgets }: { budgets: readonly Budget[] }) {
  const { names } = useLive();
  if (budgets.length === 0) {
    return (
      <Empty>
        No budgets yet. Run <code>aip budget set</code> to set one.
      </Empty>
    );
  }
  const spent = budgets.reduce((sum, { spent_today }) => sum + spent_today, 0);
  const busiest = budgets.toSorted((a, b) => b.spent_today - a.spent_today).slice(0, 4);
  return (
    <>
      <p className="figure">
        <span className="number">{units(spent)}</span>
      </p>
      {busiest.map((budget) => (
        <BudgetBar key={budget.principal} title={payerOf(budget, names)} {...tighter(budget)} />
      ))}
    </>
  );
}
