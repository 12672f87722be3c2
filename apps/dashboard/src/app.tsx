import { toAipError, type AipError } from '@aip/wire';
import { useEffect, useState, type ComponentType } from 'react';
import { api, onSignedOut, type AuditHead, type Me } from './api.ts';
import { LiveProvider } from './live.tsx';
import { AgentsPage } from './pages/agents.tsx';
import { ApprovalsPage } from './pages/approvals.tsx';
import { AuditPage } from './pages/audit.tsx';
import { LoginPage } from './pages/login.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ServersPage } from './pages/servers.tsx';
import { SpendPage } from './pages/spend.tsx';
import { StopsPage } from './pages/stops.tsx';
import { TaskPage } from './pages/task.tsx';
import { NoticeProvider } from './parts/notice.tsx';
import { Rail } from './parts/rail.tsx';
import { linkTo, loginCode, parseHash, useHash, type PageName } from './route.ts';

const PAGE: Record<PageName, ComponentType<{ item: string | undefined }>> = {
  overview: OverviewPage,
  agents: AgentsPage,
  servers: ServersPage,
  approvals: ApprovalsPage,
  stops: StopsPage,
  spend: SpendPage,
  audit: AuditPage,
  task: TaskPage,
};

type Session =
  | { readonly state: 'starting' }
  | { readonly state: 'in'; readonly head: AuditHead; readonly me: Me | undefined }
  | { readonly state: 'out'; readonly problem?: AipError };

export function App() {
  const [session, setSession] = useState<Session>({ state: 'starting' });

  useEffect(() => {
    const start = (): void => void startSession().then(setSession);
    onSignedOut(() => setSession((known) => (known.state === 'in' ? { state: 'out' } : known)));
    // A login URL opened in this very tab only changes the fragment.
    const login = (): void => {
      if (loginCode(location.hash) !== undefined) start();
    };
    start();
    addEventListener('hashchange', login);
    return () => removeEventListener('hashchange', login);
  }, []);

  if (session.state === 'starting') return <p className="starting">Connecting…</p>;
  if (session.state === 'out') return <LoginPage problem={session.problem} />;
  return (
    <LiveProvider head={session.head} me={session.me} onSignedOut={() => setSession({ state: 'out' })}>
      <NoticeProvider>
        <Shell />
      </NoticeProvider>
    </LiveProvider>
  );
}

function Shell() {
  const place = parseHash(useHash());
  const Page = PAGE[place.page];
  return (
    <div className="shell">
      <a className="skip" href="#content" onClick={skipToContent}>
        Skip to content
      </a>
      <Rail current={place.page} />
      <main id="content" tabIndex={-1}>
        <Page key={place.page} item={place.item} />
      </main>
    </div>
  );
}

/** The fragment is the route, so the jump is made by hand. */
function skipToContent(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

let starting: Promise<Session> | undefined;

/** One start at a time: a login code works only once. */
function startSession(): Promise<Session> {
  starting ??= openSession().finally(() => (starting = undefined));
  return starting;
}

async function openSession(): Promise<Session> {
  const code = loginCode(location.hash);
  try {
    if (code !== undefined) {
      // Out of the address bar and the history before anything else happens.
      history.replaceState(null, '', linkTo('overview'));
      await api.login(code);
    }
    // Of the control plane, so that it answers while everything is stopped.
    const head = await api.auditHead();
    // Whom the policies do not let ask this is offered everything, and told what is refused.
    return { state: 'in', head, me: await api.whoami().catch(() => undefined) };
  } catch (thrown) {
    const problem = toAipError(thrown);
    // To come here without a session is no failure, just the first visit.
    return code === undefined && NO_SESSION.has(problem.code) ? { state: 'out' } : { state: 'out', problem };
  }
}

const NO_SESSION = new Set<string>(['UNAUTHENTICATED', 'PERMISSION_DENIED']);
