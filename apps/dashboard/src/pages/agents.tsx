import { useCallback } from 'react';
import { api, type Agent, type PendingAgent } from '../api.ts';
import { ago, count, millis, plural } from '../format.ts';
import { useAction, useLive, useNow } from '../live.tsx';
import type { LogView } from '../log-view.ts';
import { ProtocolBadge } from '../parts/badge.tsx';
import { Did } from '../parts/did.tsx';
import { useNotify } from '../parts/notice.tsx';
import { Empty, Loaded, Page, Problem, Section } from '../parts/page.tsx';
import { StopBadge, StopButtons } from '../parts/stop-buttons.tsx';

export function AgentsPage() {
  const { agents, pending } = useLive();
  const strangers = pending.data ?? [];
  return (
    <Page name="Agents" title="Agents">
      {strangers.length > 0 && (
        <Section title="Waiting to join">
          <ul className="rows">
            {strangers.map((stranger) => (
              <Stranger key={stranger.did} stranger={stranger} />
            ))}
          </ul>
        </Section>
      )}
      <Loaded from={agents}>{(known) => <KnownAgents agents={known} />}</Loaded>
    </Page>
  );
}

function KnownAgents({ agents }: { agents: readonly Agent[] }) {
  const connected = agents.filter(({ state }) => state === 'connected');
  if (agents.length === 0) {
    return (
      <Empty>
        No agents yet. Run <code>aip demo runaway</code> to watch two at work, or{' '}
        <code>aip agent create --name my-agent</code> to make your own.
      </Empty>
    );
  }
  const ordered = [...connected, ...agents.filter(({ state }) => state !== 'connected')];
  return (
    <Section
      title="Known agents"
      note={
        <span className="muted">{`${count(connected.length)} of ${plural(agents.length, 'agent')} connected`}</span>
      }
    >
      <ul className="rows">
        {ordered.map((agent) => (
          <AgentRow key={agent.did} agent={agent} />
        ))}
      </ul>
    </Section>
  );
}

function AgentRow({ agent }: { agent: Agent }) {
  const { log } = useLive();
  const now = useNow();
  const active = lastActivity(agent, log);
  return (
    <li className="agent">
      <div className="agent-who">
        <h3>
          <span className={`dot ${agent.state}`} aria-hidden="true" />
          {agent.name}
          {agent.state === 'connected' && <ProtocolBadge edge={agent.protocol} />}
          <StopBadge scope={`agent:${agent.did}`} />
        </h3>
        <Did did={agent.did} />
        {agent.description !== '' && <p className="muted">{agent.description}</p>}
      </div>
      <dl className="agent-facts">
        <div>
          <dt>State</dt>
          <dd>{agent.state}</dd>
        </div>
        <div>
          <dt>Last activity</dt>
          <dd className="number">{active === undefined ? 'never' : ago(active, now)}</dd>
        </div>
      </dl>
      <ul className="capabilities" aria-label={`Capabilities of ${agent.name}`}>
        {agent.capabilities.map(({ name, description, price }) => (
          <li key={name} title={description}>
            {name}
            {price > 0 && <span className="price number">{plural(price, 'unit')}</span>}
          </li>
        ))}
        {agent.capabilities.length === 0 && <li className="none">no capabilities</li>}
      </ul>
      <div className="buttons">
        <StopButtons scope={`agent:${agent.did}`} name={agent.name} />
      </div>
    </li>
  );
}

/** The feed knows of newer messages than the list that was read before them. */
function lastActivity(agent: Agent, log: LogView): number | undefined {
  const seen = log.stream.find((row) => row.row === 'message' && row.from === agent.did)?.at;
  const listed = agent.last_activity === undefined ? undefined : millis(agent.last_activity);
  return seen === undefined || listed === undefined ? (listed ?? seen) : Math.max(seen, listed);
}

function Stranger({ stranger }: { stranger: PendingAgent }) {
  const { may } = useLive();
  const notify = useNotify();
  const now = useNow();
  const { did, name } = stranger;
  const admit = useAction(
    useCallback(async () => {
      const admitted = await api.admit(did, name);
      notify(`${admitted.name} admitted; it can connect now.`);
    }, [did, name, notify]),
  );
  return (
    <li className="agent stranger">
      <div className="agent-who">
        <h3>{name}</h3>
        <Did did={did} />
      </div>
      <p className="muted">
        Proved to own this DID, and asked to join {ago(stranger.asked, now)}.
        {!may('agents.admit') && ' An administrator can admit it.'}
      </p>
      {may('agents.admit') && (
        <div className="buttons">
          <button type="button" className="primary" onClick={() => admit.run()} disabled={admit.busy}>
            Admit<span className="unseen"> {name}</span>
          </button>
        </div>
      )}
      <Problem error={admit.error} />
    </li>
  );
}
