import type { IncomingHttpHeaders } from 'node:http';
import { AipError } from '@aip/wire';

/** Names that always mean this machine. No public name can be made to resolve to them by an attacker. */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Name or address with an optional port, and nothing else: no user, no path, no white space. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;

/**
 * Checks where a request says it goes to and where it says it comes from, for HTTP requests and WebSocket
 * upgrades alike. A page that made its own name resolve to this machine (DNS rebinding) still sends that name
 * as Host; a page elsewhere sends its own Origin. Programs send no Origin.
 *
 * @param allowed host names (any port), `host:port` pairs or origins that are known beside the loopback names
 * @returns FORBIDDEN_HOST or FORBIDDEN_ORIGIN; undefined when both are allowed
 */
export function originAllowed(
  headers: Pick<IncomingHttpHeaders, 'host' | 'origin'>,
  allowed: readonly string[],
): AipError | undefined {
  const { host, origin } = headers;
  const target = host !== undefined && HOST.test(host) ? URL.parse(`http://${host}`) : null;
  if (!target || !known(target, allowed)) {
    const hint = 'If this name is yours, add it to the allowed hosts.';
    return new AipError('FORBIDDEN_HOST', `The Host ${quote(host)} is not one that is answered here. ${hint}`);
  }
  if (origin === undefined) return undefined;
  const source = URL.parse(origin);
  if (source && isWebOrigin(source, origin) && known(source, allowed)) return undefined;
  return new AipError('FORBIDDEN_ORIGIN', `Pages of the origin ${quote(origin)} may not use this platform.`);
}

/** True if a Host header names this machine itself, whatever the port. */
export function isLoopbackHost(host: string | undefined): boolean {
  const url = host !== undefined && HOST.test(host) ? URL.parse(`http://${host}`) : null;
  return url !== null && LOOPBACK.has(url.hostname);
}

function known(url: URL, allowed: readonly string[]): boolean {
  if (LOOPBACK.has(url.hostname)) return true;
  return allowed.some((name) => {
    const entry = name.toLowerCase();
    return entry === url.hostname || entry === url.host || entry === url.origin;
  });
}

/** A browser's Origin is scheme, host and port (RFC 6454 §7); `null` and everything longer is none. */
const isWebOrigin = (url: URL, text: string): boolean =>
  (url.protocol === 'http:' || url.protocol === 'https:') && url.origin === text.toLowerCase();

const quote = (text: string | undefined): string => (text === undefined ? '(none)' : `"${text.slice(0, 100)}"`);
