import { describe, expect, it } from 'vitest';
import { toBase64 } from './base64.ts';
import { type Checkpoint, parseCheckpoint, signCheckpoint, verifyCheckpoint } from './checkpoint.ts';
import { generateKeyPair, sign } from './keys.ts';
import { emptyRoot, leafHash } from './merkle.ts';
import { signNote } from './note.ts';
import { refusal, rejection } from './testing.ts';

const pair = generateKeyPair(new Uint8Array(32).fill(1));
const signer = {
  name: 'example.com/log',
  publicKey: pair.publicKey,
  sign: (message: Uint8Array) => sign(message, pair.privateKey),
};
const checkpoint: Checkpoint = { origin: 'example.com/log', size: 5_000_000_000, root: leafHash('root') };

describe('a checkpoint (C2SP tlog-checkpoint)', () => {
  it('is origin, size and root on lines of their own, signed', async () => {
    const note = signCheckpoint(checkpoint, signer);
    expect(note.split('\n\n')[0]).toBe(`example.com/log\n5000000000\n${toBase64(checkpoint.root)}`);
    expect((await verifyCheckpoint(note, signer)).checkpoint).toEqual(checkpoint);
  });

  it('carries further lines under the same signature', async () => {
    const note = signCheckpoint({ ...checkpoint, extensions: ['tenant a', 'epoch 3'] }, signer);
    expect((await verifyCheckpoint(note, signer)).checkpoint.extensions).toEqual(['tenant a', 'epoch 3']);
  });

  it('can be of an empty log', () => {
    expect(parseCheckpoint(signCheckpoint({ ...checkpoint, size: 0, root: emptyRoot() }, signer)).checkpoint.size).toBe(
      0,
    );
  });

  it('proves nothing once its size is another', async () => {
    const note = signCheckpoint(checkpoint, signer).replace('5000000000', '5000000001');
    expect((await rejection(verifyCheckpoint(note, signer))).code).toBe('INVALID_SIGNATURE');
  });

  it('of another log is refused, though the same key signed it', async () => {
    const other = signCheckpoint({ ...checkpoint, origin: 'example.com/other' }, signer);
    expect((await rejection(verifyCheckpoint(other, signer))).code).toBe('CONFLICT');
    expect((await verifyCheckpoint(other, signer, 'example.com/other')).checkpoint.size).toBe(5_000_000_000);
  });

  const root = toBase64(checkpoint.root);
  it.each([
    ['no root', 'log\n5\n'],
    ['an empty origin', `\n5\n${root}\n`],
    ['a negative size', `log\n-5\n${root}\n`],
    ['a size with leading zeros', `log\n05\n${root}\n`],
    ['a size in hex', `log\n0x5\n${root}\n`],
    ['a size that no double holds', `log\n9007199254740993\n${root}\n`],
    ['a short root', `log\n5\n${toBase64(new Uint8Array(31))}\n`],
    ['a root that is no base64', `log\n5\n${root.replace('=', '!')}\n`],
    ['an empty line in its extensions', `log\n5\n${root}\n\nmore\n`],
  ])('is not a note with %s', (_, text) => {
    expect(refusal(() => parseCheckpoint(signNote(text, signer))).code).toBe('MALFORMED_MESSAGE');
  });

  it.each([
    ['an origin of two lines', { origin: 'a\nb' }],
    ['half an entry', { size: 0.5 }],
    ['a short root', { root: new Uint8Array(31) }],
    ['an empty extension', { extensions: [''] }],
  ])('is not written with %s', (_, wrong) => {
    expect(refusal(() => signCheckpoint({ ...checkpoint, ...wrong }, signer)).code).toBe('INVALID_ARGUMENT');
  });
});
