import { useCallback, useEffect, useRef } from 'react';
import { api, type Pin, type Server, type ServerDetails, type Source, type Tool } from '../api.ts';
import { count } from '../format.ts';
import { useAction, useLive, useResource } from '../live.tsx';
import { Badge } from '../parts/badge.tsx';
import { Code } from '../parts/json.tsx';
import { ListedItems } from '../parts/listed-items.tsx';
import { LoginPanel } from '../parts/login-panel.tsx';
import { useNotify } from '../parts/notice.tsx';
import { Empty, Loaded, Page, Problem, Section } from '../parts/page.tsx';
import { PinCard } from '../parts/pin-card.tsx';
import { SERVER_STATES, ServerFacts } from '../parts/server-facts.tsx';
import { SOURCE_STATES, SourceFacts } from '../parts/source-facts.tsx';
import { StopBadge, StopButtons } from '../parts/stop-buttons.tsx';
import { ToolRow } from '../parts/tool-row.tsx';
import { TryTool } from '../parts/try-tool.tsx';
import { linkTo } from '../route.ts';

interface ServerProps {
  /** `v/<name>` for a virtual server. */
  readonly name: string;
  /** The tool that is to be tried. */
  readonly tool: string | undefined;
  readonly sources: readonly Source[];
  readonly revision: number;
}

/** One server or source: how it is, what of it wants a decision, its tools, and one of them to try. */
export function ServerPage({ name, tool, sources, revision }: ServerProps) {
  const isVirtual = name.startsWith('v/');
  const details = useResource(
    useCallback(() => api.server(name), [name]),
    revision,
  );
  const pins = useResource(
    useCallback(() => (isVirtual ? Promise.resolve([]) : api.pins(name)), [isVirtual, name]),
    revision,
  );
  const server = details.data?.server;
  const source = sources.find((known) => known.name === name);
  const title = (
    <>
      <a className="crumb" href={linkTo('servers')}>
        Servers
      </a>{' '}
      {name}
    </>
  );
  return (
    <Page name={name} title={title} actions={!isVirtual && <Actions name={name} server={server} source={source} />}>
      {source && <SourceFacts source={source} />}
      {/* Of a source that offers nothing, for it could not be read, there is nothing more to say. */}
      {source && source.state !== 'active' && source.tools + source.resources === 0 ? null : (
        <Loaded from={details}>
          {(found) => <Details name={name} details={found} source={source} pins={pins.data ?? []} tool={tool} />}
        </Loaded>
      )}
    </Page>
  );
}

interface ActionsProps {
  readonly name: string;
  readonly server: Server | undefined;
  readonly source: Source | undefined;
}

function Actions({ name, server, source }: ActionsProps) {
  const { may } = useLive();
  const notify = useNotify();
  const restart = useAction(
    useCallback(async () => {
      await api.restart(name);
      notify(`${name} is started anew.`);
    }, [name, notify]),
  );
  const state = server ? SERVER_STATES[server.state] : source && SOURCE_STATES[source.state];
  const scope = `server:${name}`;
  return (
    <div className="server-state">
      {state && <Badge tone={state.tone}>{state.label}</Badge>}
      <StopBadge scope={scope} />
      {server && may('mcp.restart') && (
        <button type="button" onClick={() => restart.run()} disabled={restart.busy}>
          Restart<span className="unseen"> {name}</span>
        </button>
      )}
      {state && <StopButtons scope={scope} name={name} />}
      <Problem error={restart.error} />
    </div>
  );
}

interface DetailsProps {
  readonly name: string;
  readonly details: ServerDetails;
  readonly source: Source | undefined;
  readonly pins: readonly Pin[];
  readonly tool: string | undefined;
}

function Details({ name, details, source, pins, tool }: DetailsProps) {
  const { server, tools, missing } = details;
  const suspects = pins.filter(({ state }) => state === 'quarantined');
  const isVirtual = name.startsWith('v/');
  const chosen = tools.find((known) => known.name === tool && canTry(known));
  return (
    <>
      {server && <ServerFacts server={server} />}
      {server?.state === 'offline' && server.error !== undefined && <p className="problem">{server.error}</p>}
      {server?.state === 'offline' && server.stderr !== undefined && <LastWords lines={server.stderr} />}
      {server?.state === 'login_needed' && <LoginPanel name={name} />}
      {isVirtual && (
        <p className="lead">A virtual server: tools of others, chosen, renamed and described anew in aip.yaml.</p>
      )}
      {!server && !source && !isVirtual && (
        <p className="lead">A source: an API, a folder or a database, offered as tools and resources by aip.yaml.</p>
      )}
      {missing.length > 0 && (
        <Section title="Missing">
          <ul className="plain-list">
            {missing.map((lost) => (
              <li key={lost.name}>
                <strong>{lost.name}</strong> <code>{lost.target}</code> <span className="muted">{lost.reason}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {suspects.length > 0 && (
        <Section
          title="Quarantined"
          note={<span className="muted">Not offered to anybody until somebody agrees to what is offered now.</span>}
        >
          <div className="pin-cards">
            {suspects.map((pin) => (
              <PinCard key={`${pin.tool} ${pin.digest}`} pin={pin} />
            ))}
          </div>
        </Section>
      )}
      <div className={chosen ? 'tools with-tool' : 'tools'}>
        <Section title="Tools" note={<span className="muted number">{count(tools.length)}</span>}>
          {tools.length === 0 ? (
            <Empty>{noTools(server, source)}</Empty>
          ) : (
            <ul className="rows">
              {tools.map((known) => (
                <ToolRow
                  key={known.name}
                  tool={known}
                  link={canTry(known) ? linkTo('servers', `${name}/${known.name}`) : undefined}
                  standsFor={isVirtual ? known.address : undefined}
                  pin={pins.find((pin) => pin.tool === known.name)}
                  isChosen={known === chosen}
                />
              ))}
            </ul>
          )}
        </Section>
        {chosen && <Chosen key={chosen.address} tool={chosen} />}
      </div>
      <ListedItems title="Resources" items={details.resources} />
      <ListedItems title="Prompts" items={details.prompts} />
    </>
  );
}

/** A virtual server may also have skills and operations, which are asked for elsewhere. */
const canTry = ({ address }: Tool): boolean => address.startsWith('tool:');

function noTools(server: Server | undefined, source: Source | undefined): string {
  if (source) return 'It offers no tools; agents and clients read its resources.';
  return server?.state === 'active' ? 'This server offers no tools.' : 'What it offers is known once it is connected.';
}

/** What a process wrote before it ended. */
const LastWords = ({ lines }: { lines: readonly string[] }) => (
  <Section title="Its last words">
    <Code text={lines.join('\n')} label="Standard error" />
  </Section>
);

/** Wherever in a long list a tool was chosen, its form is brought into view. */
function Chosen({ tool }: { tool: Tool }) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Not returned: newer browsers give a promise, and an effect is to give its cleanup.
    frame.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <div ref={frame} className="chosen-tool">
      <TryTool tool={tool} />
    </div>
  );
}
