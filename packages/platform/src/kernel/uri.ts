import { AipError } from '@aip/wire';

/** Longest URI, in characters, as it comes and as it is spelt here (RFC 9110, 4.1, wants 8,000 at least). */
const MAX_URI = 8_192;
/** Schemes whose readers take hosts without case, default ports and a local host as one (WHATWG URL, special schemes). */
const SPECIAL = /^(?:https?|wss?|ftp|file):/i;
const ABSOLUTE = /^([a-z][a-z\d+.-]*:)(\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?$/is;

/**
 * The one spelling of a URI (RFC 3986, 6.2.2): small scheme, no dot segments, nothing percent-encoded that need not be,
 * everything else in capital hex. What policies look at is what is asked for, so of its own spelling it is the same.
 * Throws INVALID_ARGUMENT for what is no URI, is too long, or has dot segments for some readers only.
 */
export function canonicalUri(uri: string): string {
  if (uri.length > MAX_URI) throw tooLong(uri);
  // Readers drop control characters silently: what remains would be another address.
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x1f\x7f]/.test(uri) || !uri.isWellFormed()) throw wrong(uri, 'is not a URI');
  // What follows could become an escape once something within it is decoded.
  if (/%(?![\da-f]{2})/i.test(uri))
    throw wrong(uri, 'has a "%" that no two hexadecimal digits follow; "%25" stands for it');
  const spelt = normalised(uri);
  if (spelt === undefined) throw wrong(uri, 'is not a URI');
  if (spelt.length > MAX_URI) throw tooLong(spelt);
  if (hidesDots(spelt)) throw wrong(uri, 'has encoded dot segments');
  return spelt;
}

/** Undefined for what is no URI. */
function normalised(uri: string): string | undefined {
  // By the URL standard where readers go by it; elsewhere hosts are names of the server's own, and keep their case.
  if (SPECIAL.test(uri) && !URL.canParse(uri)) return undefined;
  const found = ABSOLUTE.exec(normalEscapes(SPECIAL.test(uri) ? new URL(uri).href : uri));
  if (!found) return undefined;
  const [, scheme = '', authority, path = '', query = '', fragment = ''] = found;
  const whole = withoutDots(path);
  // Two slashes that were no authority's must not become one.
  if (authority === undefined && whole.startsWith('//')) return undefined;
  return scheme.toLowerCase() + (authority ?? '') + whole + query + fragment;
}

const wrong = (uri: string, how: string): AipError =>
  new AipError('INVALID_ARGUMENT', `uri: "${uri.slice(0, 200)}" ${how}.`);
const tooLong = (uri: string): AipError =>
  new AipError('INVALID_ARGUMENT', `uri: it has ${uri.length} characters; at most ${MAX_URI} are taken.`);

/**
 * What URIs have in common that lenient readers take for the same resource: beyond their canonical form, an encoded
 * delimiter in the path, slashes in a row, a fragment. Undefined for what has no canonical form.
 */
export function uriKey(uri: string): string | undefined {
  try {
    const [, scheme = '', authority = '', path = '', query = ''] = ABSOLUTE.exec(canonicalUri(uri)) ?? [];
    const decoded = path.replaceAll(/%(?:2[1-9A-F]|3[A-F]|40|5C)/g, (hex) => (hex === '%25' ? hex : unescape(hex)));
    const folded = decoded.replaceAll(scheme === 'file:' ? /[/\\]+/g : /\/+/g, '/');
    return scheme + authority + folded + (scheme === 'file:' ? '' : query);
  } catch {
    return undefined;
  }
}

/** More layers of encoding than anybody means. */
const MAX_LAYERS = 8;

/**
 * Whether a URI has dot segments before its query, for a reader that decodes it first, however often, or that leaves
 * out what stands behind a delimiter: there it would be another one than policies have looked at.
 */
export function hidesDots(uri: string): boolean {
  let [text = ''] = uri.slice(uri.indexOf(':') + 1).split(/[?#]/, 1);
  for (let layer = 0; layer <= MAX_LAYERS; layer++) {
    const decoded = text.replaceAll(/%(?:25)*([\da-f]{2})/gi, (_, hex: string) => unescape(`%${hex}`));
    if (decoded === text) return /(?:^|[/\\])\.\.?(?:[/\\?#;]|$)/.test(text.replaceAll(/[\0-\x20\x7f]/g, ''));
    text = decoded;
  }
  return true;
}

/** Unreserved characters in plain, capital hex, and encoded what stands in no URI. */
export function normalEscapes(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\w.~:/?#[\]@!$&'()*+,;=%-]+/g, encodeURIComponent)
    .replaceAll(/%[\da-f]{2}/gi, (hex) => (/[\w.~-]/.test(unescape(hex)) ? unescape(hex) : hex.toUpperCase()));
}

const unescape = (hex: string): string => String.fromCharCode(Number.parseInt(hex.slice(1), 16));

/** RFC 3986, 5.2.4. */
function withoutDots(path: string): string {
  const parts = path.split('/');
  const kept: string[] = [];
  parts.forEach((part, i) => {
    if (part !== '.' && part !== '..') return void kept.push(part);
    if (part === '..' && kept.length > (path.startsWith('/') ? 1 : 0)) kept.pop();
    if (i === parts.length - 1) kept.push('');
  });
  return kept.join('/');
}
