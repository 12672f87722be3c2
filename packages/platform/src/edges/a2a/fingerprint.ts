import { hash } from 'node:crypto';
import type { Part } from '../../kernel/body.ts';

/** What tells content again without keeping it: the lengths of its pieces of text, -1 for any other part, and a hash over all. */
export interface Fingerprint {
  readonly lengths: number[];
  digest: string;
}

const ANOTHER_PART = -1;

export function addTo(fingerprint: Fingerprint, parts: readonly Part[]): void {
  for (const part of parts) {
    fingerprint.lengths.push(part.text?.length ?? ANOTHER_PART);
    fingerprint.digest = chained(fingerprint.digest, part.text ?? part);
  }
}

/** Whether the parts are what the fingerprints are of, one after the other. Neighbouring pieces of text are one text. */
export function isSame(fingerprints: Iterable<Fingerprint>, parts: readonly Part[]): boolean {
  const rest = joined(parts);
  let at = 0;
  /** Where the next piece begins in the text at `at`. */
  let offset = 0;

  function take(length: number): string | Part | undefined {
    if (offset > 0 && offset === rest[at]?.text?.length) [at, offset] = [at + 1, 0];
    const part = rest[at];
    if (length !== ANOTHER_PART) return part?.text?.slice(offset, (offset += length));
    if (!part || part.text !== undefined) return undefined;
    at++;
    return part;
  }

  for (const { lengths, digest } of fingerprints) {
    let seen = '';
    for (const length of lengths) {
      const piece = length === 0 ? '' : take(length);
      if (piece === undefined) return false;
      seen = chained(seen, piece);
    }
    if (seen !== digest) return false;
  }
  return at === rest.length || (at === rest.length - 1 && offset > 0 && offset === rest[at]?.text?.length);
}

/** As JSON, which writes every half of a character as it is. */
const chained = (before: string, piece: string | Part): string =>
  hash('sha256', before + JSON.stringify(piece), 'base64');

/** Neighbouring pieces of text are one text, and empty ones are none. */
function joined(parts: readonly Part[]): Part[] {
  const whole: Part[] = [];
  for (const part of parts) {
    const before = whole.at(-1);
    if (part.text === '') continue;
    if (part.text !== undefined && before?.text !== undefined)
      whole[whole.length - 1] = { text: before.text + part.text };
    else whole.push(part.text === undefined ? part : { text: part.text });
  }
  return whole;
}
