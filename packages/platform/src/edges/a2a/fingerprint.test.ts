import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Part } from '../../kernel/body.ts';
import { addTo, isSame, type Fingerprint } from './fingerprint.ts';

const piece = fc.oneof(
  fc.constantFrom<Part>({ text: '' }, { text: 'a' }, { text: 'ab' }, { text: 'b', metadata: { x: 1 } }),
  fc.constantFrom<Part>({ data: 1 }, { data: { x: 2 } }, { url: 'u:x' }),
  // Half of a character outside the basic plane, as a stream may cut it.
  fc.constantFrom<Part>({ text: '\u{D83D}' }, { text: '\u{DE00}' }),
);

const taken = (parts: readonly Part[]): Fingerprint => {
  const fingerprint = { lengths: [], digest: '' };
  addTo(fingerprint, parts);
  return fingerprint;
};

/** The parts as one list of texts and other parts, written down. */
function written(parts: readonly Part[]): string {
  let all = '';
  for (const part of parts) all += part.text === undefined ? `|${JSON.stringify(part)}|` : part.text;
  return all;
}

it('tells the same content again, however its text was cut, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(piece, { maxLength: 4 }), { maxLength: 3 }),
      fc.array(piece, { maxLength: 6 }),
      (sent, other) => {
        const fingerprints = sent.map(taken);
        expect(isSame(fingerprints, other)).toBe(written(sent.flat()) === written(other));
        const whole = sent
          .flat()
          .flatMap((part) => (part.text ? part.text.split('').map((text) => ({ text })) : [part]));
        expect(isSame(fingerprints, whole)).toBe(true);
        expect(isSame(fingerprints, [...whole, { data: 1 }])).toBe(false);
        expect(isSame(fingerprints, [...whole, { text: 'a' }])).toBe(false);
      },
    ),
    { numRuns: 2_000 },
  );
});
