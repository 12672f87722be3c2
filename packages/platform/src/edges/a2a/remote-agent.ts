import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Exchange } from '../../exchange/index.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Route } from '../../kernel/route.ts';
import { valueWithoutSecrets } from '../../kernel/secret.ts';
import type { RouteEvent } from '../../kernel/task.ts';
import { fetchCard, fetchFor, type RemoteAgent } from './remote-card.ts';

/** A card is read again this often; after a failure sooner, in milliseconds. */
const REFRESH = 5 * 60_000;
const RETRY = { first: 1_000, longest: 60_000 };
const MAX_SKILLS = 500;
/** Longest message of a failure, in characters. */
const MAX_REASON = 600;

export interface RemoteConnection {
  /** Resolves when the agent can be called for the first time. */
  readonly ready: Promise<void>;
  close(): void;
}

/**
 * Makes a remote A2A agent a target like any other: its card becomes entries of the catalogue, a route leads to it.
 * Until its card has been read and verified it is listed as offline. `onFailure` is told why that did not work.
 */
export function connectRemoteAgent(
  exchange: Exchange,
  remote: RemoteAgent,
  onFailure: (error: unknown) => void = () => {},
): RemoteConnection {
  const closed = new AbortController();
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  let unbind = (): void => {};
  exchange.catalogue.put(remote.name, [agentEntry(remote, {}, 'offline')]);

  async function connect(): Promise<void> {
    const { values: headers, secrets } = (await remote.headers?.()) ?? { values: {}, secrets: [] };
    const send = fetchFor(remote, headers);
    // It cannot tell what it was told: results are kept, and errors are shown.
    const card = valueWithoutSecrets(await fetchCard(remote, send), secrets);
    const route = hiding(await routeTo(send, card, remote), secrets);
    if (closed.signal.aborted) return;
    unbind = exchange.routes.bind(remote.name, route);
    exchange.catalogue.put(remote.name, [agentEntry(remote, card, 'active'), ...skillEntries(remote, card)]);
    isReady();
  }

  void (async () => {
    let wait = RETRY.first;
    while (!closed.signal.aborted) {
      const failed = await connect().then(
        () => false,
        (error: unknown) => {
          onFailure(error);
          return true;
        },
      );
      wait = failed ? Math.min(wait * 2, RETRY.longest) : RETRY.first;
      await pause(failed ? wait : REFRESH, closed.signal);
    }
  })();

  return {
    ready,
    close() {
      closed.abort();
      unbind();
      exchange.catalogue.remove(remote.name);
    },
  };
}

/** The official client is loaded only by gateways that have a remote agent. */
async function routeTo(fetchImpl: typeof fetch, card: JsonObject, { conversationKey }: RemoteAgent): Promise<Route> {
  const [{ AgentCard }, { ClientFactory, JsonRpcTransportFactory, RestTransportFactory }, { remoteRoute }] =
    await Promise.all([import('@a2a-js/sdk'), import('@a2a-js/sdk/client'), import('./remote-route.ts')]);
  const factory = new ClientFactory({
    transports: [new JsonRpcTransportFactory({ fetchImpl }), new RestTransportFactory({ fetchImpl })],
  });
  return remoteRoute(await factory.createFromAgentCard(AgentCard.fromJSON(card)), conversationKey);
}

const hiding = (route: Route, secrets: readonly string[]): Route => ({
  ...route,
  async *deliver(call) {
    for await (const event of route.deliver(call)) yield shortened(valueWithoutSecrets(event, secrets));
  },
});

/** Cut when its secrets are hidden, or a part of one would be left. */
function shortened(event: RouteEvent): RouteEvent {
  if (event.type !== 'failed' || event.error.message.length <= MAX_REASON) return event;
  return { ...event, error: { ...event.error, message: event.error.message.slice(0, MAX_REASON) } };
}

function agentEntry({ name }: RemoteAgent, card: JsonObject, state: 'active' | 'offline'): CatalogueEntry {
  // Nothing that a remote agent says of its own effects is trusted.
  return {
    address: `agent:${name}`,
    kind: 'agent',
    name,
    owner: name,
    ownerName: name,
    description: textOf(card['description']),
    effect: 'external',
    idempotent: false,
    price: 0,
    state,
  };
}

function skillEntries({ name: owner }: RemoteAgent, card: JsonObject): CatalogueEntry[] {
  const skills = Array.isArray(card['skills']) ? card['skills'].filter(isJsonObject).slice(0, MAX_SKILLS) : [];
  return skills.flatMap((skill) => {
    const name = textOf(skill['id']);
    if (name === '' || name.length > 256) return [];
    const tags = Array.isArray(skill['tags']) ? skill['tags'].filter((tag) => typeof tag === 'string') : [];
    return [
      {
        address: `skill:${owner}/${name}`,
        kind: 'skill',
        name,
        owner,
        ownerName: owner,
        title: textOf(skill['name']),
        description: textOf(skill['description']),
        effect: 'external',
        idempotent: false,
        price: 0,
        state: 'active',
        tags,
      } as const,
    ];
  });
}

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value.slice(0, 4_000) : '');

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
