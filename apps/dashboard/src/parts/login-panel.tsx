import { useCallback } from 'react';
import { api } from '../api.ts';
import { useAction, useLive } from '../live.tsx';
import { Problem } from './page.tsx';

/** A server that knows its users wants to know this one, for the first time or again. */
export function LoginPanel({ name }: { name: string }) {
  const { may } = useLive();
  const login = useAction(
    useCallback(async () => {
      const { url } = await api.loginTo(name);
      // Wherever it leads, it must not be a script.
      if (/^https?:$/.test(new URL(url).protocol)) location.assign(url);
    }, [name]),
  );
  return (
    <div className="verify-panel">
      <div className="verify-what stack-tight">
        <p>
          {name} wants to know its users. You log in there, with OAuth; the token is kept encrypted here, for you alone,
          and never shown to agents or clients.
        </p>
        <p className="muted">
          From a terminal it is <code>aip mcp login {name}</code>.
        </p>
      </div>
      {may('mcp.login') ? (
        <button type="button" className="primary" onClick={() => login.run()} disabled={login.busy}>
          Log in to {name}
        </button>
      ) : (
        <span className="muted">Your role may not log in.</span>
      )}
      <Problem error={login.error} />
    </div>
  );
}
