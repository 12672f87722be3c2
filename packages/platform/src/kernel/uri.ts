import { AipError } from '@aip/wire';

/** Schemes whose readers take hosts without case, default ports and a local host as one (WHATWG URL, special schemes). */
const SPECIAL = /^(?:https?|wss?|ftp|file):/i;
const ABSOLUTE = /^([a-z][a-z\d+.-]*:)(\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?$/is;

/**
 * The one spelling of a URI (RFC 3986, 6.2.2): small scheme, no dot segments, nothing percent-encoded that need not be,
 * everything else in capital hex. What policies look at is what is asked for. Throws INVALID_ARGUMENT for what is no URI.
 */
export function canonicalUri(uri: string): string {
  // Readers drop control characters silently: what remains would be another address.
  // oxlint-disable-next-line no-control-regex
  const found = /[\0-\x1f\x7f]/.test(uri) || !uri.isWellFormed() ? null : ABSOLUTE.exec(normalEscapes(plain(uri)));
  if (!found) throw new AipError('INVALID_ARGUMENT', `uri: "${uri.slice(0, 200)}" is not a URI.`);
  const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = found;
  return scheme.toLowerCase() + authority + withoutDots(path) + query + fragment;
}

/**
 * What URIs have in common that lenient readers take for the same resource: beyond their canonical form, an encoded
 * delimiter in the path, slashes in a row, a fragment. Undefined for what is no URI.
 */
export function uriKey(uri: string): string | undefined {
  try {
    const [, scheme = '', authority = '', path = '', query = ''] = ABSOLUTE.exec(canonicalUri(uri)) ?? [];
    const decoded = path.replaceAll(/%(?:2[1-9A-F]|3[A-F]|40|5C)/g, (hex) => (hex === '%25' ? hex : unescape(hex)));
    const folded = decoded.replaceAll(scheme === 'file:' ? /[/\\]+/g : /\/+/g, '/');
    return scheme + authority + withoutDots(folded) + (scheme === 'file:' ? '' : query);
  } catch {
    return undefined;
  }
}

/** By the URL standard where readers go by it; elsewhere hosts are names of the server's own, and keep their case. */
const plain = (uri: string): string => (SPECIAL.test(uri) && URL.canParse(uri) ? new URL(uri).href : uri);

/** Unreserved characters in plain, capital hex, and encoded what stands in no URI. */
function normalEscapes(text: string): string {
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

const RUNS = /((?:\{[^{}]*\})+)/;

/**
 * Whether a template (RFC 6570) can stand for a canonical URI: its literals occur in order, and what `{name}` stands for
 * holds no delimiter. Linear in both, since both come from outside.
 */
export function coversUri(template: string, uri: string): boolean {
  const pieces = template.split(RUNS);
  let at = 0;
  for (let i = 0; i < pieces.length; i += 2) {
    const literal = normalEscapes(i === 0 ? lowerScheme(pieces[i] ?? '') : (pieces[i] ?? ''));
    const last = i === pieces.length - 1;
    const found =
      i === 0 ? (uri.startsWith(literal) ? 0 : -1) : last ? uri.length - literal.length : uri.indexOf(literal, at);
    if (found < at || !uri.startsWith(literal, found)) return false;
    if (i > 0 && !takes(pieces[i - 1] ?? '', uri.slice(at, found))) return false;
    at = found + literal.length;
  }
  return at === uri.length;
}

const lowerScheme = (text: string): string => text.replace(/^[a-z][a-z\d+.-]*:/i, (scheme) => scheme.toLowerCase());

/** Whether a row of expressions can stand for this part of a URI. */
function takes(expressions: string, value: string): boolean {
  if (/^(?:\{\w[^{}]*\})+$/.test(expressions)) return !/[/?#]/.test(value);
  if (/^\{\?[^{}]*\}$/.test(expressions)) return value === '' || value.startsWith('?');
  return true;
}

/** The URI of a template with `{name}`, `{+name}` and `{?a,b}`; undefined when it has others or one has no value. */
export function expandTemplate(template: string, variables: Readonly<Record<string, unknown>>): string | undefined {
  let complete = true;
  const valueOf = (name: string): string | undefined => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (value !== undefined && !scalar) complete = false;
    return scalar ? String(value) : undefined;
  };
  const expanded = template.replaceAll(/\{([^\w{}]?)([^{}]*)\}/g, (_, operator: string, list: string) => {
    const names = list.split(',');
    if (names.some((name) => !/^\w+$/.test(name)) || !['', '+', '?'].includes(operator)) complete = false;
    if (operator === '?') {
      const given = names.flatMap((name) => {
        const value = valueOf(name);
        return value === undefined ? [] : [`${name}=${encodeURIComponent(value.toWellFormed())}`];
      });
      return given.length > 0 ? `?${given.join('&')}` : '';
    }
    const value = valueOf(list)?.toWellFormed();
    if (value === undefined) complete = false;
    const parts = operator === '+' ? (value ?? '').split('/') : [value ?? ''];
    return parts.map(encodeURIComponent).join('/');
  });
  return complete ? expanded : undefined;
}
