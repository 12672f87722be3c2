import type { AipError } from '@aip/wire';
import { useEffect } from 'react';
import { Mark } from '../parts/rail.tsx';

/** No session: how to get one. */
export function LoginPage({ problem }: { problem: AipError | undefined }) {
  useEffect(() => {
    document.title = 'Log in · AIP';
  }, []);
  return (
    <main className="login">
      <Mark />
      <h1>Log in to AIP</h1>
      {problem && (
        <p className="problem" role="alert">
          {problem.message}
        </p>
      )}
      <p>
        On the machine where AIP runs, run <code>aip dashboard</code>. It prints a login URL that works once; open it
        here. With an API token of yours, run it with <code>--token</code>; you then see and do here what the token may.
      </p>
      <p className="muted">A session lasts twelve hours, and ends when the platform restarts.</p>
      <button type="button" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}
