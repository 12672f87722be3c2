import { useMemo } from 'react';
import { api, type Endpoint, type Server, type Source } from '../api.ts';
import { count, plural } from '../format.ts';
import { useLive, useNow, useResource, type Live, type Resource } from '../live.tsx';
import { Badge } from '../parts/badge.tsx';
import { Empty, Loaded, Page, Section } from '../parts/page.tsx';
import { callsOf, eraName, SERVER_STATES } from '../parts/server-facts.tsx';
import { SOURCE_KINDS, SOURCE_STATES } from '../parts/source-facts.tsx';
import { StopBadge } from '../parts/stop-buttons.tsx';
import { linkTo } from '../route.ts';
import { ServerPage } from './server.tsx';

/** How often it is looked how servers are, in milliseconds: that is in no log. */
const LOOK = 10_000;

const NONE = (): Promise<Source[]> => Promise.resolve([]);

/**
 * MCP servers, sources, and the endpoints that clients see; with an item, one of them: `files`, `v/research`,
 * `files/read_file`.
 */
export function ServersPage({ item }: { item: string | undefined }) {
  const { log, may } = useLive();
  const revision = log.revisions.servers + Math.floor(useNow(LOOK) / LOOK);
  const sources = useResource(may('sources.list') ? api.sources : NONE, revision);
  if (item === undefined) return <ServerList sources={sources} revision={revision} />;
  const [, name = item, tool] = /^((?:v\/)?[^/]*)(?:\/(.*))?$/s.exec(item) ?? [];
  return <ServerPage key={name} name={name} tool={tool} sources={sources.data ?? []} revision={revision} />;
}

function ServerList({ sources, revision }: { sources: Resource<readonly Source[]>; revision: number }) {
  const { may } = useLive();
  const list = useResource(api.servers, revision);
  return (
    <Page name="Servers" title={titleOf(list.data?.servers ?? [], sources.data ?? [])}>
      <Loaded from={list}>
        {(found) => (
          <>
            <Section title="MCP servers">
              {found.servers.length === 0 ? (
                <Empty>
                  No MCP server yet. Run{' '}
                  <code>aip add mcp files -- npx -y @modelcontextprotocol/server-filesystem .</code> for one that is
                  started here, or <code>aip add mcp search --url …</code> for one that runs already.
                </Empty>
              ) : (
                <ul className="rows">
                  {found.servers.map((server) => (
                    <ServerRow key={server.name} server={server} />
                  ))}
                </ul>
              )}
            </Section>
            {may('sources.list') && (
              <Section title="Sources">
                <Loaded from={sources}>{(known) => <SourceRows sources={known} />}</Loaded>
              </Section>
            )}
            <Section title="Endpoints for clients">
              <Endpoints endpoints={found.endpoints} searchTokens={found.search_tokens} />
            </Section>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function titleOf(servers: readonly Server[], sources: readonly Source[]): string {
  const share = (all: readonly { state: string }[], noun: string): string[] =>
    all.length === 0
      ? []
      : [`${count(all.filter(({ state }) => state === 'active').length)} of ${plural(all.length, noun)}`];
  const shares = [...share(servers, 'server'), ...share(sources, 'source')];
  const tools = [...servers, ...sources].reduce((sum, { tools: own }) => sum + own, 0);
  return shares.length === 0 ? 'Servers' : `${shares.join(' and ')} active, ${plural(tools, 'tool')}`;
}

/** Tools of a server or source that wait for a decision; undefined where the policies do not show them. */
const undecidedOf = (name: string, { data }: Live['quarantine']): number | undefined =>
  data?.filter(({ server }) => server === name).length;

function ServerRow({ server }: { server: Server }) {
  const { quarantine } = useLive();
  const { name, state, error, quarantined } = server;
  // A server counts among them what was rejected, which waits for nobody.
  const undecided = undecidedOf(name, quarantine) ?? quarantined;
  const rejected = Math.max(0, quarantined - undecided);
  return (
    <li className="server">
      <div className="server-who">
        <h3>
          <a href={linkTo('servers', name)}>{name}</a>
          <Badge tone={SERVER_STATES[state].tone}>{SERVER_STATES[state].label}</Badge>
          <StopBadge scope={`server:${name}`} />
          {undecided > 0 && <Badge tone="bad">{`${plural(undecided, 'tool')} quarantined`}</Badge>}
          {rejected > 0 && <Badge tone="plain">{`${plural(rejected, 'tool')} rejected`}</Badge>}
        </h3>
        <p className="muted">
          {server.transport}
          {server.era !== undefined && `, ${eraName(server.era)}`}
        </p>
        {error !== undefined && state === 'offline' && <p className="server-error">{error}</p>}
        {state === 'login_needed' && (
          <p>
            Its tools wait for a login. <a href={linkTo('servers', name)}>Log in to {name}</a>
          </p>
        )}
        {undecided > 0 && <Decision about={name} />}
      </div>
      <dl className="server-facts">
        <div>
          <dt>Tools</dt>
          <dd className="number">{count(server.tools)}</dd>
        </div>
        <Calls of={name} />
        <div>
          <dt>Latency</dt>
          <dd className="number">
            {server.latency_ms === undefined ? '–' : `${count(Math.round(server.latency_ms))} ms`}
          </dd>
        </div>
        <div>
          <dt>Lost</dt>
          <dd className="number">{server.failures === 0 ? 'never' : `${count(server.failures)} ×`}</dd>
        </div>
      </dl>
    </li>
  );
}

function Decision({ about }: { about: string }) {
  return (
    <p>
      What has changed wants a decision.{' '}
      <a href={linkTo('servers', about)}>
        Compare and decide<span className="unseen"> about tools of {about}</span>
      </a>
    </p>
  );
}

function Calls({ of: name }: { of: string }) {
  const { log } = useLive();
  const calls = useMemo(() => callsOf(name, log), [name, log]);
  return (
    <div>
      <dt>Calls lately</dt>
      <dd>
        <span className="number">{count(calls.total)}</span>
        {calls.failed > 0 && <span className="server-error">, {count(calls.failed)} failed</span>}
      </dd>
    </div>
  );
}

function SourceRows({ sources }: { sources: readonly Source[] }) {
  if (sources.length === 0)
    return (
      <Empty>
        No source yet. An API with an OpenAPI document, a folder of files, a database or a plain HTTP API becomes tools
        and resources by a few lines under <code>sources:</code> in <code>aip.yaml</code>.
      </Empty>
    );
  return (
    <ul className="rows">
      {sources.map((source) => (
        <SourceRow key={source.name} source={source} />
      ))}
    </ul>
  );
}

function SourceRow({ source: { name, kind, state, tools, resources, error, problems } }: { source: Source }) {
  const { quarantine } = useLive();
  const undecided = undecidedOf(name, quarantine) ?? 0;
  return (
    <li className="server">
      <div className="server-who">
        <h3>
          <a href={linkTo('servers', name)}>{name}</a>
          <Badge tone={SOURCE_STATES[state].tone}>{SOURCE_STATES[state].label}</Badge>
          <StopBadge scope={`server:${name}`} />
          {undecided > 0 && <Badge tone="bad">{`${plural(undecided, 'tool')} quarantined`}</Badge>}
        </h3>
        <p className="muted">{SOURCE_KINDS[kind]}</p>
        {error !== undefined && state === 'failed' && <p className="server-error">{error}</p>}
        {undecided > 0 && <Decision about={name} />}
      </div>
      <dl className="server-facts">
        <div>
          <dt>Tools</dt>
          <dd className="number">{count(tools)}</dd>
        </div>
        <Calls of={name} />
        <div>
          <dt>Resources</dt>
          <dd className="number">{count(resources)}</dd>
        </div>
        <div>
          <dt>Left out</dt>
          <dd className="number">{problems.length === 0 ? 'nothing' : count(problems.length)}</dd>
        </div>
      </dl>
    </li>
  );
}

function Endpoints({ endpoints, searchTokens }: { endpoints: readonly Endpoint[]; searchTokens: number }) {
  return (
    <table className="endpoints">
      <thead>
        <tr>
          <th scope="col">Path</th>
          <th scope="col" className="right">
            Tools
          </th>
          <th scope="col" className="right">
            Tokens of its list
          </th>
        </tr>
      </thead>
      <tbody>
        {endpoints.map(({ path, description, tools, tokens, searched, missing }) => (
          <tr key={path}>
            <th scope="row">
              {path.startsWith('/mcp/v/') ? <a href={linkTo('servers', path.slice(5))}>{path}</a> : <code>{path}</code>}
              {description !== undefined && <span className="muted"> {description}</span>}
              {missing.length > 0 && <span className="server-error"> {plural(missing.length, 'tool')} missing</span>}
            </th>
            <td className="number right" data-label="Tools">
              {count(tools)}
            </td>
            <td className="number right" data-label="Tokens of its list">
              {searched ? `${count(searchTokens)} by search, ${count(tokens)} listed` : count(tokens)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
