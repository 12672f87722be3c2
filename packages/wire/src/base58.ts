import { AipError } from './errors.ts';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const VALUES = new Int8Array(128).fill(-1);
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

/** Base58 costs the square of the length; keys and tokens are far below this. */
const MAX_CHARS = 256;

/** Base58 with the Bitcoin alphabet (draft-msporny-base58-03). */
export function toBase58(bytes: Uint8Array): string {
  const digits: number[] = [];
  for (const byte of bytes) {
    let carry = byte;
    for (let at = 0; at < digits.length; at++) {
      carry += (digits[at] as number) * 256;
      digits[at] = carry % 58;
      carry = Math.floor(carry / 58);
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58);
  }
  let text = '1'.repeat(leading(bytes, 0));
  for (const digit of digits.toReversed()) text += ALPHABET[digit];
  return text;
}

/** @throws AipError INVALID_ARGUMENT for other characters and for more than 256 of them. */
export function fromBase58(text: string): Uint8Array<ArrayBuffer> {
  if (text.length > MAX_CHARS) throw new AipError('INVALID_ARGUMENT', 'This base58 text is too long.');
  const values = Array.from(text, (char) => VALUES[char.charCodeAt(0)] ?? -1);
  if (values.includes(-1)) throw new AipError('INVALID_ARGUMENT', 'This is not base58.');
  const bytes: number[] = [];
  for (const value of values) {
    let carry = value;
    for (let at = 0; at < bytes.length; at++) {
      carry += (bytes[at] as number) * 58;
      bytes[at] = carry & 0xff;
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff);
  }
  const zeros = leading(values, 0);
  const whole = new Uint8Array(zeros + bytes.length);
  whole.set(bytes.toReversed(), zeros);
  return whole;
}

function leading(items: ArrayLike<number>, wanted: number): number {
  let count = 0;
  while (count < items.length && items[count] === wanted) count++;
  return count;
}
