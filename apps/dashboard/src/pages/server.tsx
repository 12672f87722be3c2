import { useCallback, useEffect, useRef } from 'react';
import { api, type Pin, type Server, type ServerDetails, type Tool } from '../api.ts';
import { count, plural } from '../format.ts';
import { useAction, useLive, useResource } from '../live.tsx';
import { Badge, type Tone } from '../parts/badge.tsx';
import { useNotify } from '../parts/notice.tsx';
import { Empty, Loaded, Page, Problem, Section } from '../parts/page.tsx';
import { PinCard } from '../parts/pin-card.tsx';
import { SERVER_STATES, ServerFacts } from '../parts/server-facts.tsx';
import { TryTool } from '../parts/try-tool.tsx';
import { linkTo } from '../route.ts';

interface ServerProps {
  /** `v/<name>` for a virtual server. */
  readonly name: string;
  /** The tool that is to be tried. */
  readonly tool: string | undefined;
  readonly revision: number;
}

/** One server: how it is, what of it wants a decision, its tools, and one of them to try. */
export function ServerPage({ name, tool, revision }: ServerProps) {
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
  const title = (
    <>
      <a className="crumb" href={linkTo('servers')}>
        Servers
      </a>{' '}
      {name}
    </>
  );
  return (
    <Page name={name} title={title} actions={server && <State server={server} />}>
      <Loaded from={details}>
        {(found) => <Details name={name} details={found} pins={pins.data ?? []} tool={tool} />}
      </Loaded>
    </Page>
  );
}

function State({ server: { name, state } }: { server: Server }) {
  const { may } = useLive();
  const notify = useNotify();
  const restart = useAction(
    useCallback(async () => {
      await api.restart(name);
      notify(`${name} is started anew.`);
    }, [name, notify]),
  );
  return (
    <div className="server-state">
      <Badge tone={SERVER_STATES[state].tone}>{SERVER_STATES[state].label}</Badge>
      {may('mcp.restart') && (
        <button type="button" onClick={() => restart.run()} disabled={restart.busy}>
          Restart<span className="unseen"> {name}</span>
        </button>
      )}
      <Problem error={restart.error} />
    </div>
  );
}

function Details({
  name,
  details: { server, tools, missing },
  pins,
  tool,
}: {
  name: string;
  details: ServerDetails;
  pins: readonly Pin[];
  tool: string | undefined;
}) {
  const suspects = pins.filter(({ state }) => state === 'quarantined');
  // A call from here is one of the real tool: what a virtual server adds to the arguments is not said to it.
  const isVirtual = name.startsWith('v/');
  const chosen = isVirtual ? undefined : tools.find((known) => known.name === tool);
  return (
    <>
      {server && <ServerFacts server={server} />}
      {server?.state === 'offline' && server.error !== undefined && <p className="problem">{server.error}</p>}
      {server?.state === 'login_needed' && <LoginPanel name={name} />}
      {!server && (
        <p className="lead">
          {isVirtual
            ? 'A virtual server: tools of others, chosen, renamed and described anew in aip.yaml.'
            : 'A source: an API, a folder or a database, offered as tools and resources by aip.yaml.'}
        </p>
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
            <Empty>
              {server?.state === 'active'
                ? 'This server offers no tools.'
                : 'What it offers is known once it is connected.'}
            </Empty>
          ) : (
            <ul className="rows">
              {tools.map((known) => (
                <ToolRow
                  key={known.name}
                  tool={known}
                  link={isVirtual ? linkToReal(known) : linkTo('servers', `${name}/${known.name}`)}
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
    </>
  );
}

const PIN_STATES: Record<Pin['state'], { label: string; tone: Tone }> = {
  pinned: { label: 'pinned', tone: 'good' },
  quarantined: { label: 'quarantined', tone: 'bad' },
  rejected: { label: 'rejected', tone: 'bad' },
  unpinned: { label: 'new', tone: 'plain' },
  gone: { label: 'gone', tone: 'plain' },
};

/** Where the tool behind a virtual server's can be tried. */
const linkToReal = ({ address }: Tool): string | undefined =>
  address.startsWith('tool:') ? linkTo('servers', address.slice('tool:'.length)) : undefined;

interface ToolRowProps {
  readonly tool: Tool;
  readonly link: string | undefined;
  /** The address of the tool that it is in truth. */
  readonly standsFor: string | undefined;
  readonly pin: Pin | undefined;
  readonly isChosen: boolean;
}

function ToolRow({ tool, link, standsFor, pin, isChosen }: ToolRowProps) {
  const name =
    standsFor === undefined && link !== undefined ? (
      <a href={link} aria-current={isChosen ? 'true' : undefined}>
        {tool.name}
      </a>
    ) : (
      tool.name
    );
  return (
    <li className={isChosen ? 'tool chosen' : 'tool'}>
      <h3>{name}</h3>
      {tool.description !== '' && <p className="tool-description muted">{tool.description}</p>}
      <p className="tool-facts">
        <span className="protocol">{tool.effect}</span>
        {tool.price > 0 && <span className="number">{plural(tool.price, 'unit')}</span>}
        {pin && <Badge tone={PIN_STATES[pin.state].tone}>{PIN_STATES[pin.state].label}</Badge>}
        {!pin && tool.state !== 'active' && <Badge tone="bad">{tool.state}</Badge>}
        {standsFor !== undefined && (
          <span className="muted">
            stands for {link === undefined ? <code>{standsFor}</code> : <a href={link}>{standsFor}</a>}
          </span>
        )}
      </p>
    </li>
  );
}

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

function LoginPanel({ name }: { name: string }) {
  const { may } = useLive();
  const login = useAction(
    useCallback(async () => {
      const { url } = await api.loginTo(name);
      // Wherever it leads, it must not be a script.
      if (url !== undefined && /^https?:$/.test(new URL(url).protocol)) location.assign(url);
    }, [name]),
  );
  return (
    <section className="verify-panel" aria-label="Login">
      <p className="verify-what">
        {name} wants to know its users. You log in there, with OAuth; the token is kept encrypted here, for you alone,
        and never shown to agents or clients.
      </p>
      {may('mcp.login') ? (
        <button type="button" className="primary" onClick={() => login.run()} disabled={login.busy}>
          Log in to {name}
        </button>
      ) : (
        <span className="muted">Your role may not log in.</span>
      )}
      <Problem error={login.error} />
    </section>
  );
}
