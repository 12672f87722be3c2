import type { Server } from '../api.ts';
import { ago, count } from '../format.ts';
import { useNow } from '../live.tsx';
import type { LogView } from '../log-view.ts';
import type { Tone } from './badge.tsx';

export const SERVER_STATES: Record<Server['state'], { label: string; tone: Tone }> = {
  starting: { label: 'starting', tone: 'busy' },
  active: { label: 'active', tone: 'good' },
  offline: { label: 'offline', tone: 'bad' },
  login_needed: { label: 'wants a login', tone: 'wait' },
  stopped: { label: 'stopped', tone: 'plain' },
};

export const eraName = (era: NonNullable<Server['era']>): string =>
  era === 'modern' ? 'MCP of 2026-07-28' : 'MCP before 2026-07-28';

/** Calls of a server among the messages that this page knows of. */
export function callsOf(server: string, { stream }: LogView): { total: number; failed: number } {
  const own = new RegExp(`^(?:tool|resource|prompt):${server.replaceAll(/[^\w-]/g, '\\$&')}/`);
  const calls = stream.filter((row) => row.row === 'message' && own.test(row.to));
  return {
    total: calls.length,
    failed: calls.filter((row) => row.row === 'message' && row.outcome === 'failed').length,
  };
}

export function ServerFacts({ server }: { server: Server }) {
  const now = useNow();
  return (
    <dl className="facts">
      <div>
        <dt>Reached over</dt>
        <dd>
          {server.transport} <span className="muted">{server.reached}</span>
          {server.pid !== undefined && <span className="muted number"> process {server.pid}</span>}
        </dd>
      </div>
      {server.era !== undefined && (
        <div>
          <dt>Speaks</dt>
          <dd>{eraName(server.era)}</dd>
        </div>
      )}
      <div>
        <dt>{server.state === 'active' ? 'Connected' : 'Since'}</dt>
        <dd>{ago(server.since, now)}</dd>
      </div>
      <div>
        <dt>Latency</dt>
        <dd className="number">
          {server.latency_ms === undefined ? '–' : `${count(Math.round(server.latency_ms))} ms`}
        </dd>
      </div>
      <div>
        <dt>Connection lost</dt>
        <dd>{server.failures === 0 ? 'never' : `${count(server.failures)} times`}</dd>
      </div>
      <div>
        <dt>Resources</dt>
        <dd className="number">{count(server.resources)}</dd>
      </div>
      <div>
        <dt>Prompts</dt>
        <dd className="number">{count(server.prompts)}</dd>
      </div>
    </dl>
  );
}
