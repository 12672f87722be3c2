import { AipError } from './errors.ts';

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, STANDARD);
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}

/** @throws AipError INVALID_ARGUMENT unless `text` is exactly what {@link toBase64} would write. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const unpadded = text.endsWith('==') ? text.slice(0, -2) : text.endsWith('=') ? text.slice(0, -1) : text;
  if (text.length % 4 !== 0 || text.length - unpadded.length !== (4 - (unpadded.length % 4)) % 4) {
    throw notBase64('base64');
  }
  return decode(unpadded, STANDARD_VALUES, 'base64');
}

/** Base64url without padding (RFC 4648 §5, as JOSE uses it). */
export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE);
}

/** @throws AipError INVALID_ARGUMENT unless `text` is exactly what {@link toBase64Url} would write. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return decode(text, URL_SAFE_VALUES, 'base64url');
}

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += alphabet[(held >> bits) & 63];
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + alphabet[(held << (6 - bits)) & 63];
}

function decode(text: string, values: Int8Array, name: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 === 1) throw notBase64(name);
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let length = 0;
  let bits = 0;
  let held = 0;
  for (let at = 0; at < text.length; at++) {
    const value = values[text.charCodeAt(at)] ?? -1;
    if (value < 0) throw notBase64(name);
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = held >> bits;
    }
    held &= (1 << bits) - 1;
  }
  // Bits that no byte needs must be zero, else two texts would stand for the same bytes.
  if (held !== 0) throw notBase64(name);
  return bytes;
}

function valuesOf(alphabet: string): Int8Array {
  const values = new Int8Array(128).fill(-1);
  for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value;
  return values;
}

const STANDARD_VALUES = valuesOf(STANDARD);
const URL_SAFE_VALUES = valuesOf(URL_SAFE);

function notBase64(name: string): AipError {
  return new AipError('INVALID_ARGUMENT', `This is not canonical ${name}.`);
}
