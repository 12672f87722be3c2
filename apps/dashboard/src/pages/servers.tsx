import { useMemo } from 'react';
import { api, type Endpoint, type Server } from '../api.ts';
import { count, plural } from '../format.ts';
import { useLive, useNow, useResource } from '../live.tsx';
import { Badge } from '../parts/badge.tsx';
import { Empty, Loaded, Page, Section } from '../parts/page.tsx';
import { callsOf, eraName, SERVER_STATES } from '../parts/server-facts.tsx';
import { linkTo } from '../route.ts';
import { ServerPage } from './server.tsx';

/** How often it is looked how servers are, in milliseconds: that is in no log. */
const LOOK = 10_000;

/** MCP servers and the endpoints that clients see; with an item, one of them: `files`, `v/research`, `files/read_file`. */
export function ServersPage({ item }: { item: string | undefined }) {
  const { log } = useLive();
  const revision = log.revisions.servers + Math.floor(useNow(LOOK) / LOOK);
  if (item === undefined) return <ServerList revision={revision} />;
  const [, name = item, tool] = /^((?:v\/)?[^/]*)(?:\/(.*))?$/s.exec(item) ?? [];
  return <ServerPage key={name} name={name} tool={tool} revision={revision} />;
}

function ServerList({ revision }: { revision: number }) {
  const list = useResource(api.servers, revision);
  const servers = list.data?.servers ?? [];
  const active = servers.filter(({ state }) => state === 'active').length;
  const tools = servers.reduce((sum, server) => sum + server.tools, 0);
  const title =
    servers.length === 0
      ? 'Servers'
      : `${count(active)} of ${plural(servers.length, 'server')} active, ${plural(tools, 'tool')}`;
  return (
    <Page name="Servers" title={title}>
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
            <Section title="Endpoints for clients">
              <Endpoints endpoints={found.endpoints} />
            </Section>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function ServerRow({ server }: { server: Server }) {
  const { log, stops } = useLive();
  const { name, state, error, quarantined } = server;
  const calls = useMemo(() => callsOf(name, log), [name, log]);
  const stopped = stops.data?.some(({ scope }) => scope === `server:${name}`);
  return (
    <li className="server">
      <div className="server-who">
        <h3>
          <a href={linkTo('servers', name)}>{name}</a>
          <Badge tone={SERVER_STATES[state].tone}>{SERVER_STATES[state].label}</Badge>
          {stopped && <Badge tone="bad">stopped</Badge>}
          {quarantined > 0 && <Badge tone="bad">{`${plural(quarantined, 'tool')} quarantined`}</Badge>}
        </h3>
        <p className="muted">
          {server.transport}
          {server.era !== undefined && `, ${eraName(server.era)}`}
        </p>
        {error !== undefined && state === 'offline' && <p className="server-error">{error}</p>}
      </div>
      <dl className="server-facts">
        <div>
          <dt>Tools</dt>
          <dd className="number">{count(server.tools)}</dd>
        </div>
        <div>
          <dt>Calls lately</dt>
          <dd>
            <span className="number">{count(calls.total)}</span>
            {calls.failed > 0 && <span className="server-error">, {count(calls.failed)} failed</span>}
          </dd>
        </div>
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

function Endpoints({ endpoints }: { endpoints: readonly Endpoint[] }) {
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
        {endpoints.map(({ path, description, tools, tokens, search_tokens: searched, missing }) => (
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
              {searched === undefined ? count(tokens) : `${count(searched)} by search, ${count(tokens)} listed`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
