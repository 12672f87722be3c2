import { AipError } from '@aip/wire';
import { Agent, fetch as undiciFetch, type RequestInit as UndiciInit, type Response as UndiciResponse } from 'undici';
import type { FetchFor, OutboundRules } from '../../kernel/outbound.ts';
import { namedConnector, publicConnector, type Resolve } from './connector.ts';
import { nativeResponse } from './native-response.ts';

/** Redirects that are followed, one after the other. */
const MAX_REDIRECTS = 5;
/** How long the headers of an answer may take, in milliseconds: a tool call may answer only at its end. */
const HEADERS_TIMEOUT = 10 * 60_000;
/** Connections to one origin, and origins with a connection open. */
const MAX_CONNECTIONS = 512;
const MAX_ORIGINS = 1_000;

/** What goes along to another origin; every other header may be a credential. */
const HARMLESS: ReadonlySet<string> = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface Outbound {
  readonly fetchFor: FetchFor;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** The one way out of the platform. */
export function createOutbound(resolve?: Resolve): Outbound {
  // Streams may be silent for long, so bodies have no timeout of their own; TCP notices a peer that is gone.
  const limits = {
    connections: MAX_CONNECTIONS,
    maxOrigins: MAX_ORIGINS,
    headersTimeout: HEADERS_TIMEOUT,
    bodyTimeout: 0,
  };
  // Apart, so that a connection that somebody was allowed to open is nobody else's.
  const agents = {
    public: new Agent({ ...limits, connect: publicConnector(resolve) }),
    named: new Agent({ ...limits, connect: namedConnector(resolve) }),
  };
  return {
    fetchFor: ({ named = [], maxBytes, timeout }: OutboundRules = {}) => {
      const origins = new Set(named.map((url) => new URL(url).origin));
      const agentOf = (url: URL): Agent => (origins.has(url.origin) ? agents.named : agents.public);
      return async (input, init) => {
        const request = requestOf(input, init, timeout);
        return nativeResponse(await follow(request, agentOf), maxBytes);
      };
    },
    close: async () => void (await Promise.all([agents.public.destroy(), agents.named.destroy()])),
  };
}

interface Outgoing {
  readonly url: URL;
  readonly init: RequestInit;
  readonly redirect: NonNullable<RequestInit['redirect']>;
}

function requestOf(
  input: string | URL | Request,
  given: RequestInit | undefined,
  timeout: number | undefined,
): Outgoing {
  // A Request of another fetch implementation is taken apart: only its own would understand it.
  const from = input instanceof Request ? { ...partsOf(input), ...given } : { ...given };
  const late = timeout === undefined ? [] : [AbortSignal.timeout(timeout)];
  const signals = [...(from.signal ? [from.signal] : []), ...late];
  return {
    url: new URL(input instanceof Request ? input.url : input),
    init: { ...from, ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}) },
    redirect: from.redirect ?? 'follow',
  };
}

const partsOf = ({ method, headers, body, signal, redirect }: Request): RequestInit => ({
  method,
  headers,
  signal,
  redirect,
  ...(body ? { body, duplex: 'half' } : {}),
});

async function follow({ url, init, redirect }: Outgoing, agentOf: (url: URL) => Agent): Promise<UndiciResponse> {
  let at = url;
  let now = init;
  for (let hops = 0; ; hops++) {
    const response = await send(at, now, agentOf(at));
    const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null;
    if (location === null || redirect === 'manual') return response;
    await response.body?.cancel();
    if (redirect === 'error')
      throw new AipError('UPSTREAM_FAILED', `${at.host} answers with a redirect, which is not followed here.`);
    if (hops === MAX_REDIRECTS)
      throw new AipError('UPSTREAM_FAILED', `${url.host} redirects more than ${MAX_REDIRECTS} times.`);
    const next = URL.parse(location, at.href);
    if (!next) throw new AipError('UPSTREAM_FAILED', `${at.host} redirects to what is no URL.`);
    now = redirected(now, response.status, at, next);
    at = next;
  }
}

/** The request that follows a redirect (Fetch standard, HTTP-redirect fetch), more careful across origins. */
function redirected(init: Outgoing['init'], status: number, from: URL, to: URL): Outgoing['init'] {
  const method = init.method?.toUpperCase() ?? 'GET';
  const { body: _dropped, ...rest } = init;
  const dropsBody = (status <= 302 && method === 'POST') || (status === 303 && method !== 'HEAD');
  const kept: RequestInit = dropsBody ? { ...rest, method: 'GET' } : init;
  if (from.origin === to.origin) return kept;
  if (kept.body != null)
    throw new AipError(
      'UPSTREAM_FAILED',
      `${from.host} redirects a ${method} to ${to.host}; what was sent to one is not sent on to another.`,
    );
  const headers = [...new Headers(init.headers)].filter(([name]) => HARMLESS.has(name));
  return { ...kept, headers };
}

async function send(url: URL, init: Outgoing['init'], dispatcher: Agent): Promise<UndiciResponse> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new AipError('ADDRESS_BLOCKED', `${url.protocol} is not reached from here; http: and https: are.`);
  try {
    const options = { ...init, redirect: 'manual', dispatcher } as UndiciInit;
    return await undiciFetch(url, options);
  } catch (error) {
    // What the connector refused comes as the cause of a failed fetch.
    if (error instanceof TypeError && error.cause instanceof AipError) throw error.cause;
    throw error;
  }
}
