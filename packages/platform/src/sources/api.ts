import { AipError, toAipError } from '@aip/wire';
import type { FetchFor } from '../kernel/outbound.ts';
import { revealHeaders, type ReadSecret, type Revealed, type SecretOrText } from '../kernel/secret.ts';
import { credentialMaker, type Credentials } from './credentials.ts';
import type { Auth } from './settings.ts';
import { Interrupted } from './source.ts';

type Pair = readonly [name: string, value: string];

/** One request to an API, relative to its base URL; everything in it may come from a caller. */
export interface Outgoing {
  readonly method: string;
  /** Percent-encoded, with its leading slash. */
  readonly path: string;
  /** Percent-encoded. */
  readonly query?: readonly Pair[];
  readonly headers?: readonly Pair[];
  readonly cookies?: readonly Pair[];
  readonly body?: string | Uint8Array<ArrayBuffer> | FormData;
}

export interface Answer {
  readonly status: number;
  /** In lower case, without parameters; empty when the API does not say. */
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** Nothing of a body that is too large is kept. */
  readonly tooLarge: boolean;
  readonly location?: string;
  /** What must not be shown, should the body repeat it. */
  readonly secrets: readonly string[];
}

/** One HTTP API, as the operator has described it. */
export interface Api {
  readonly baseUrl: string;
  /**
   * Sends it once, without retries. Throws an AipError when nothing was begun, {@link Interrupted} after that; any
   * status is an answer. Reads follow redirects, to public addresses and without credentials where the origin changes.
   */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<Answer>;
}

export interface ApiSettings {
  readonly baseUrl: string;
  /** Whether an operator has named this base URL, so that it may be a private address. */
  readonly named: boolean;
  readonly auth: Auth | undefined;
  readonly headers: Readonly<Record<string, SecretOrText>>;
  readonly timeoutSeconds: number;
}

export interface ApiContext {
  readonly fetchFor: FetchFor;
  readonly readSecret: ReadSecret;
}

/** Largest body that is read at all, in bytes. */
export const MAX_BODY = 8 * 1024 * 1024;

/** Headers that say who asks, for whom, or how the bytes travel: never a caller's to set. */
const FORBIDDEN =
  /^(?:authorization|cookie|host|connection|content-length|expect|forwarded|keep-alive|te|trailer|transfer-encoding|upgrade|via|(?:proxy|sec|x-forwarded|x-http-method|x-method)-.*)$/i;

export const isForbiddenHeader = (name: string): boolean => FORBIDDEN.test(name) || !/^[\w!#$%&'*+.^`|~-]+$/.test(name);

export function createApi(settings: ApiSettings, { fetchFor, readSecret }: ApiContext): Api {
  const base = new URL(settings.baseUrl);
  const prefix = base.pathname.replace(/\/$/, '');
  const fetch = fetchFor(settings.named ? { named: [base.href] } : {});
  const credentials = credentialMaker(settings.auth, readSecret, fetchFor);

  /** Throws INVALID_ARGUMENT for what leads out of the base URL. */
  function urlOf({ path, query = [] }: Outgoing, made: Credentials): URL {
    const url = new URL(base.origin + prefix + path);
    if (url.origin !== base.origin || !url.pathname.startsWith(`${prefix}/`))
      throw new AipError('INVALID_ARGUMENT', 'The path leads out of this API.');
    const own = new Set(made.query.map(([name]) => name));
    const given = query.filter(([name]) => !own.has(decoded(name)));
    const added = made.query.map((pair) => pair.map(encodeURIComponent) as unknown as Pair);
    url.search = [...given, ...added].map(([name, value]) => `${name}=${value}`).join('&');
    return url;
  }

  /** The caller's, then the operator's over them, then the credentials over all. */
  function headersOf({ headers = [], cookies = [] }: Outgoing, own: Revealed['values'], made: Credentials): Headers {
    const all = new Headers();
    const set = ([name, value]: Pair): void => {
      if (/[^\t\x20-\x7e\xa0-\xff]/.test(value))
        throw new AipError('INVALID_ARGUMENT', `${name}: a header takes one line of Latin-1 text.`);
      all.set(name, value);
    };
    for (const pair of headers) if (!isForbiddenHeader(pair[0])) set(pair);
    for (const pair of Object.entries(own)) set(pair);
    for (const pair of made.headers) set(pair);
    const added = new Set(made.cookies.map(([name]) => name));
    const jar = [...cookies.filter(([name]) => !added.has(name)), ...made.cookies];
    if (jar.length > 0) set(['cookie', jar.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('; ')]);
    return all;
  }

  return {
    baseUrl: settings.baseUrl,
    async send(outgoing, signal) {
      const made = await credentials.make(signal);
      const own = await revealHeaders(settings.headers, readSecret);
      const url = urlOf(outgoing, made);
      const headers = headersOf(outgoing, own.values, made);
      const body = await bytesOf(outgoing.body, headers);
      const reads = outgoing.method === 'GET' || outgoing.method === 'HEAD';
      const late = AbortSignal.timeout(settings.timeoutSeconds * 1000);
      try {
        const response = await fetch(url, {
          method: outgoing.method,
          headers,
          redirect: reads ? 'follow' : 'manual',
          signal: AbortSignal.any([signal, late]),
          ...(body === undefined ? {} : { body }),
        });
        if (response.status === 401) credentials.refused();
        return await answerOf(response, [...made.secrets, ...own.secrets]);
      } catch (thrown) {
        if (late.aborted && !signal.aborted)
          throw new Interrupted(
            new AipError('TIMEOUT', `${base.host} has not answered within ${settings.timeoutSeconds} seconds.`),
          );
        throw failure(thrown, base.host, signal);
      }
    },
  };
}

/** A form is written out here, with the boundary in its header: another implementation of fetch knows no FormData of ours. */
async function bytesOf(
  body: Outgoing['body'],
  headers: Headers,
): Promise<string | Uint8Array<ArrayBuffer> | undefined> {
  if (!(body instanceof FormData)) return body;
  const written = new Response(body);
  headers.set('content-type', written.headers.get('content-type') ?? '');
  return new Uint8Array(await written.arrayBuffer());
}

async function answerOf(response: Response, secrets: readonly string[]): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY) break;
    chunks.push(chunk);
  }
  const location = response.headers.get('location');
  return {
    status: response.status,
    mediaType: (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '',
    bytes: size > MAX_BODY ? new Uint8Array() : Buffer.concat(chunks),
    tooLarge: size > MAX_BODY,
    ...(location === null ? {} : { location }),
    secrets,
  };
}

/** Nobody took the connection, so nothing can have been begun. */
const UNREACHABLE: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The message names the host only: URLs and headers hold what callers and operators keep to themselves. */
function failure(thrown: unknown, host: string, signal: AbortSignal): unknown {
  if (signal.aborted || thrown instanceof AipError) return thrown;
  const cause =
    thrown instanceof Error
      ? (thrown.cause as { code?: unknown; errors?: readonly { code?: unknown }[] } | undefined)
      : undefined;
  const code = cause?.code ?? cause?.errors?.[0]?.code;
  if (UNREACHABLE.has(code)) return new AipError('UPSTREAM_FAILED', `${host} cannot be reached.`, { cause: thrown });
  return new Interrupted(
    new AipError('UPSTREAM_FAILED', `The connection to ${host} failed.`, { cause: toAipError(thrown) }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
