import { utf8Bytes } from './bytes.ts';
import { AipError } from './errors.ts';

/**
 * Bearer tokens that can be told apart, found by secret scanners, and refused when mistyped before any look-up:
 * `aip_<kind>_<id>_<secret>_<crc>`, all base62. The id is public; servers store only a hash of the secret.
 */

export const TOKEN_KINDS = ['admin', 'key', 'join'] as const;

/** What a token opens: the operator's interface, the API, or the door for a new agent. */
export type TokenKind = (typeof TOKEN_KINDS)[number];

export interface TokenParts {
  readonly kind: TokenKind;
  /** Public name of the token, 11 characters. */
  readonly id: string;
  /** 192 bits, 33 characters. */
  readonly secret: string;
}

const ID_BYTES = 8;
const SECRET_BYTES = 24;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORM = new RegExp(`^aip_(${TOKEN_KINDS.join('|')})_([0-9A-Za-z]{11})_([0-9A-Za-z]{33})_([0-9A-Za-z]{6})$`);

/**
 * A new token and its parts.
 *
 * @param random source of cryptographic randomness
 */
export function makeToken(
  kind: TokenKind,
  random: (bytes: number) => Uint8Array = randomBytes,
): TokenParts & { token: string } {
  const id = base62(random(ID_BYTES), 11);
  const secret = base62(random(SECRET_BYTES), 33);
  const body = `aip_${kind}_${id}_${secret}`;
  return { token: `${body}_${checksum(body)}`, kind, id, secret };
}

/** @throws AipError UNAUTHENTICATED for anything that {@link makeToken} could not have made; the text is not repeated */
export function parseToken(token: string): TokenParts {
  const [, kind, id, secret, crc] = FORM.exec(token) ?? [];
  if (id === undefined || secret === undefined || crc !== checksum(token.slice(0, token.lastIndexOf('_')))) {
    throw new AipError('UNAUTHENTICATED', 'This is not a token of this platform; it may be cut off or mistyped.');
  }
  return { kind: kind as TokenKind, id, secret };
}

function checksum(body: string): string {
  const crc = crc32(utf8Bytes(body));
  return base62(Uint8Array.of(crc >>> 24, crc >>> 16, crc >>> 8, crc), 6);
}

/** CRC-32 of zip and PNG (ISO 3309), without a table: tokens are short. */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function base62(bytes: Uint8Array, width: number): string {
  let value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let text = '';
  for (; text.length < width; value /= 62n) text = DIGITS.charAt(Number(value % 62n)) + text;
  return text;
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
