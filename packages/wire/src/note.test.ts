import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64 } from './base64.ts';
import { AipError } from './errors.ts';
import { generateKeyPair, sign } from './keys.ts';
import {
  type NoteSigner,
  formatNoteKey,
  mergeSignatures,
  parseNote,
  parseNoteKey,
  signNote,
  verifyNote,
} from './note.ts';
import { refusal, rejection } from './testing.ts';

function signerOf(name: string, seed: number): NoteSigner {
  const pair = generateKeyPair(new Uint8Array(32).fill(seed));
  return { name, publicKey: pair.publicKey, sign: (message) => sign(message, pair.privateKey) };
}

const log = signerOf('example.com/log', 1);
const witness = signerOf('witness.example/w1', 2);
const note = signNote('first\n\nsecond\n', log);

describe('a signed note', () => {
  it('of another implementation verifies', async () => {
    // The example of Go's golang.org/x/mod/sumdb/note.
    const key = parseNoteKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
    const text = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.
`;
    const line =
      '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
    expect((await verifyNote(`${text}\n${line}`, key)).text).toBe(text);
  });

  it('is its text, an empty line and a signature line', async () => {
    expect(note).toMatch(/^first\n\nsecond\n\n— example\.com\/log [A-Za-z0-9+/]{91}=\n$/);
    expect((await verifyNote(note, log)).text).toBe('first\n\nsecond\n');
  });

  it('does not verify once a byte of the text is another', async () => {
    const error = await rejection(verifyNote(note.replace('second', 'Second'), log));
    expect(error.code).toBe('INVALID_SIGNATURE');
  });

  it('does not verify for another key, nor for the same key under another name', async () => {
    expect((await rejection(verifyNote(note, witness))).code).toBe('INVALID_SIGNATURE');
    expect((await rejection(verifyNote(note, { ...log, name: 'example.com/other' }))).code).toBe('INVALID_SIGNATURE');
    expect((await rejection(verifyNote(note, { ...witness, name: log.name }))).code).toBe('INVALID_SIGNATURE');
  });

  it('keeps the signatures of others, whatever their algorithm', async () => {
    const foreign = `— witness.example/w2 ${toBase64(new Uint8Array(76).fill(5))}\n`;
    const both = mergeSignatures(note + foreign, signNote('first\n\nsecond\n', witness));
    const { signatures } = await verifyNote(both, log);
    expect(signatures.map(({ name, signature }) => [name, signature.length])).toEqual([
      ['example.com/log', 64],
      ['witness.example/w2', 72],
      ['witness.example/w1', 64],
    ]);
    expect((await verifyNote(both, witness)).text).toBe('first\n\nsecond\n');
    expect(mergeSignatures(both, both)).toBe(both);
  });

  it('does not take a signature made for another note', () => {
    expect(refusal(() => mergeSignatures(note, signNote('third\n', witness))).code).toBe('CONFLICT');
  });

  it.each([
    ['nothing', ''],
    ['no signature', 'text\n\n'],
    ['no empty line', note.replaceAll('\n\n', '\n')],
    ['no last newline', note.slice(0, -1)],
    ['an empty signature line', `${note}\n`],
    ['a hyphen for the dash', note.replace('—', '-')],
    ['a name with a plus', note.replace('example.com', 'example+com')],
    ['a signature that is no base64', note.replace(/[A-Za-z0-9+/]{4}=\n$/, '!!!=\n')],
    ['a signature shorter than its key id', 'text\n\n— name AAAAAA==\n'],
    ['a control character', note.replace('first', 'fi\trst')],
    ['a carriage return', note.replace('first\n', 'first\r\n')],
    ['a lone surrogate', note.replace('first', '\ud800')],
    ['too many signatures', `text\n\n${'— name AAAAAAA=\n'.repeat(65)}`],
    ['too much text', `${'x'.repeat(70_000)}\n\n— name AAAAAAA=\n`],
  ])('is not one with %s', (_, text) => {
    expect(refusal(() => parseNote(text)).code).toBe('MALFORMED_MESSAGE');
  });

  it.each(['no newline', 'tab\t\n', ''])('is not made of %j', (text) => {
    expect(refusal(() => signNote(text, log)).code).toBe('INVALID_ARGUMENT');
  });

  it('refuses hostile text with an AipError only', () => {
    const line = fc.constantFrom('— name AAAAAAA=', 'text', '', '—', '— a b c', 'origin');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(line).map((lines) => lines.join('\n')),
        ),
        (text) => {
          try {
            parseNote(text);
          } catch (error) {
            expect(error).toBeInstanceOf(AipError);
          }
        },
      ),
    );
  });
});

describe('a note key', () => {
  it('is written and read as one line', () => {
    const text = formatNoteKey(log);
    expect(text).toMatch(/^example\.com\/log\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/);
    expect(parseNoteKey(text)).toEqual({ name: log.name, publicKey: log.publicKey });
  });

  it.each([
    '',
    'name',
    'name+00000000+AAAA',
    'PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    'PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    'PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  ])('is not %j', (text) => {
    expect(refusal(() => parseNoteKey(text)).code).toBe('INVALID_ARGUMENT');
  });
});
