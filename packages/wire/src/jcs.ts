import { AipError } from './errors.ts';

/** Signed data is shallow; this stops cycles and stack exhaustion. */
const MAX_DEPTH = 256;

/** Printable ASCII but for quote and backslash: text that JSON writes unchanged. */
const PLAIN = /^[ !#-[\]-~]*$/;

/**
 * The canonical JSON text of a value (RFC 8785, JCS): the same value gives the same text everywhere.
 *
 * @throws AipError MALFORMED_MESSAGE for what I-JSON (RFC 7493) cannot hold: NaN, infinities, lone surrogates,
 * undefined, functions, bigints, objects that are not plain, cycles.
 */
export function canonicalJson(value: unknown): string {
  return write(value, MAX_DEPTH);
}

function write(value: unknown, depthLeft: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw refused(`the number ${value}`);
      // ECMAScript's shortest form is the one that RFC 8785 §3.2.2.3 asks for; minus zero becomes 0.
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depthLeft === 0) throw refused(`nesting deeper than ${MAX_DEPTH}`);
      return Array.isArray(value) ? writeArray(value, depthLeft - 1) : writeObject(value, depthLeft - 1);
    default:
      throw refused(`a value of type ${typeof value}`);
  }
}

function writeString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw refused('a lone surrogate');
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], depthLeft: number): string {
  let text = '[';
  for (let at = 0; at < items.length; at++) {
    if (at > 0) text += ',';
    text += write(items[at], depthLeft);
  }
  return text + ']';
}

function writeObject(object: object, depthLeft: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) throw refused('an object that is not plain');
  // The default order of toSorted() compares UTF-16 code units, which is the order of RFC 8785 §3.2.3.
  const keys = Object.keys(object).toSorted();
  const members = object as Record<string, unknown>;
  let text = '{';
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] as string;
    if (at > 0) text += ',';
    text += writeString(key) + ':' + write(members[key], depthLeft);
  }
  return text + '}';
}

function refused(what: string): AipError {
  return new AipError('MALFORMED_MESSAGE', `Canonical JSON cannot hold ${what}.`);
}
