import { api } from '../api.ts';
import { count } from '../format.ts';
import { useAction, useLive, type Live } from '../live.tsx';
import { linkTo, type PageName } from '../route.ts';
import { Problem } from './page.tsx';

interface Tab {
  readonly page: PageName;
  readonly label: string;
  /** What a number beside the label counts. */
  readonly counted?: { readonly count: (live: Live) => number; readonly noun: string; readonly urgent?: boolean };
}

const TABS: readonly Tab[] = [
  { page: 'overview', label: 'Overview' },
  {
    page: 'agents',
    label: 'Agents',
    counted: { count: ({ pending }) => pending.data?.length ?? 0, noun: 'waiting to join' },
  },
  {
    page: 'servers',
    label: 'Servers',
    counted: { count: ({ quarantine }) => quarantine.data?.length ?? 0, noun: 'quarantined' },
  },
  { page: 'approvals', label: 'Approvals', counted: { count: ({ asks }) => asks.data?.length ?? 0, noun: 'open' } },
  {
    page: 'stops',
    label: 'Stops',
    counted: { count: ({ stops }) => stops.data?.length ?? 0, noun: 'active', urgent: true },
  },
  { page: 'spend', label: 'Spend' },
  { page: 'audit', label: 'Audit' },
];

/** Navigation, and at its foot the log as it grows. */
export function Rail({ current }: { current: PageName }) {
  const live = useLive();
  const logout = useAction(api.logout);
  return (
    <header className="rail">
      <a className="wordmark" href={linkTo('overview')}>
        <Mark />
        AIP
      </a>
      <nav aria-label="Pages">
        <ul>
          {TABS.map(({ page, label, counted }) => {
            const number = counted?.count(live) ?? 0;
            return (
              <li key={page}>
                <a href={linkTo(page)} aria-current={page === current ? 'page' : undefined}>
                  {label}
                  {counted && number > 0 && (
                    <span className={counted.urgent ? 'tally urgent' : 'tally'}>
                      {count(number)}
                      <span className="unseen"> {counted.noun}</span>
                    </span>
                  )}
                </a>
              </li>
            );
          })}
        </ul>
      </nav>
      <p className="head-of-log">
        <span className={`pulse ${live.status === 'live' ? 'on' : ''}`} aria-hidden="true" />
        <span>{STATUS[live.status]}</span>
        <a href={linkTo('audit')} className="number">
          {count(live.log.size)} entries
        </a>
        {live.me && <span className="who">as {live.me.name}</span>}
        <button type="button" className="quiet small" onClick={() => logout.run()} disabled={logout.busy}>
          Log out
        </button>
      </p>
      <Problem error={logout.error} />
    </header>
  );
}

const STATUS = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', 'signed out': 'Signed out' };

/** One exchange that every line crosses. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" className="mark">
      <circle cx="16" cy="16" r="9" />
      <path d="M1.5 16H7M25 16h5.5" />
      <circle className="mark-stop" cx="16" cy="16" r="3.4" />
    </svg>
  );
}
