import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@aip/wire';
import { createRequestStateCodec, type RequestStateCodec, type ServerContext } from '@modelcontextprotocol/server';
import type { Exchange } from '../../exchange/index.ts';
import type { Action } from '../../kernel/message.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Session } from '../../kernel/session.ts';
import { createShares, type Shares } from '../../kernel/shares.ts';
import type { Directory, Scope } from './directory.ts';
import { createDirectory } from './directory.ts';
import type { Watch } from './subscriptions.ts';
import { createVirtualServers, type VirtualServer, type VirtualServers } from './virtual.ts';

/** What all endpoints of one platform share. */
export interface Edge {
  readonly exchange: Exchange;
  readonly directory: Directory;
  readonly virtual: VirtualServers;
  /** The number of tools above which an endpoint's clients search instead of getting the list. */
  searchAbove(scope: Scope): number | undefined;
  readonly watch: Watch | undefined;
  /** Resources that clients watch, each for itself. */
  readonly watches: Shares;
  /** What servers declare in `capabilities.extensions`, by their names. */
  readonly extensions: () => Iterable<readonly [server: string, declared: JsonObject]>;
  /** OAuth scopes that a caller lacks for such an action. */
  missingScopes(principal: Principal, action: Action): readonly string[];
  /** Seals what a client has to bring back when it answers an ask; another's state is refused. */
  readonly states: RequestStateCodec<AskState>;
}

/** Who is served, and which part of the platform. */
export interface Client {
  readonly session: Session;
  readonly scope: Scope;
}

/** Where a call stands that waits for its caller's answer. */
export interface AskState {
  readonly task: string;
  /** Number of the first event that asked. */
  readonly n: number;
  /** Ids of what was asked together from there on and is not answered yet. */
  readonly open: readonly string[];
  /** The address that was called, and the endpoint (`scopeKey`): the answer belongs to that call only, and there. */
  readonly to: string;
  readonly at: string;
}

/** How long a client may take to answer, in seconds. */
const ANSWER_WITHIN = 900;

/** Less for each than a server lets itself be asked for (upstream/watching.ts). */
const WATCHES = { of: 'resources are watched', total: 16_384, each: 256 };

/** What the operator has chosen for the endpoints. */
export interface EdgeChoices {
  /** Virtual servers by name. */
  readonly virtual?: Readonly<Record<string, VirtualServer>> | undefined;
  /** For every endpoint that does not say otherwise; clients get every list whole unless set. */
  readonly searchAbove?: number | undefined;
}

export interface EdgeOptions extends EdgeChoices {
  /** Watches the resources of servers; nobody can subscribe to any unless given. */
  readonly watch?: Watch | undefined;
  /** What servers declare in `capabilities.extensions`, by their names; none unless given. */
  readonly extensions?: Edge['extensions'] | undefined;
  /** OAuth scopes that a caller lacks for what it is about to do; none unless given. */
  readonly missingScopes?: Edge['missingScopes'] | undefined;
  /** Seals states, at least 32 bytes. The same after a restart, a client that comes back is led to its call's end. */
  readonly stateKey?: Uint8Array | undefined;
}

export function createEdge(exchange: Exchange, choices: EdgeOptions = {}): Edge {
  const { searchAbove, watch, extensions = () => [], missingScopes = () => [], stateKey = randomBytes(32) } = choices;
  const virtual = createVirtualServers(exchange.catalogue, choices.virtual ?? {});
  return {
    exchange,
    virtual,
    watch,
    watches: createShares(WATCHES),
    extensions,
    missingScopes,
    directory: createDirectory(exchange.catalogue, virtual),
    searchAbove: (scope) =>
      (scope.kind === 'virtual' ? virtual.get(scope.owner)?.search_above : undefined) ?? searchAbove,
    states: createRequestStateCodec<AskState>({ key: stateKey, ttlSeconds: ANSWER_WITHIN, bind: principalOf }),
  };
}

const principalOf = (ctx: ServerContext): string => ctx.http?.authInfo?.clientId ?? 'stdio';
