import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase58 } from './base58.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { concatBytes } from './bytes.ts';
import { toMultibaseKey } from './did-key.ts';
import { AipError } from './errors.ts';
import type { IoapDraft, IoapEnvelope } from './ioap-frame.ts';
import { parseFrame, registeredKey, signFrame, verifyFrame } from './ioap-signature.ts';
import { generateKeyPair, importPublicKey } from './keys.ts';
import { refusal } from './testing.ts';

const alice = generateKeyPair(new Uint8Array(32).fill(1));
const bob = generateKeyPair(new Uint8Array(32).fill(2));

const draft = {
  id: 'm-1',
  correlation_id: null,
  timestamp: '2026-01-12T06:20:29Z',
  from: alice.did,
  to: bob.did,
  type: 'EXEC_REQUEST',
  payload: { capability: 'echo', args: { text: 'héllo 😀', n: 1 }, timeout_ms: 5000, stream: false },
  version: '1.0',
} as const satisfies IoapDraft;

const codeOf = (raw: string | Uint8Array) => refusal(() => verifyFrame(raw)).code;

describe('a signed frame', () => {
  const signed = signFrame(draft, alice);
  const text = JSON.stringify(signed);

  it('verifies, as text and as bytes, and keeps what came in', () => {
    const bytes = new TextEncoder().encode(text);
    expect(verifyFrame(text)).toEqual({ frame: signed, raw: text });
    expect(verifyFrame(bytes).raw).toBe(bytes);
  });

  it('verifies in whatever order and with whatever spaces it was written', () => {
    const shuffled = JSON.stringify(Object.fromEntries(Object.entries(signed).toReversed()), null, 2);
    expect(verifyFrame(shuffled).frame).toEqual(signed);
  });

  it('covers every field', () => {
    const others = {
      id: 'm-2',
      correlation_id: 'm-0',
      timestamp: '2026-01-12T06:20:30Z',
      from: bob.did,
      to: alice.did,
      payload: { ...draft.payload, timeout_ms: 5001 },
      trace: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    for (const [field, value] of Object.entries(others)) {
      expect([field, codeOf(JSON.stringify({ ...signed, [field]: value }))]).toEqual([field, 'INVALID_SIGNATURE']);
    }
    const { correlation_id: _, ...without } = signed;
    expect(codeOf(JSON.stringify(without))).toBe('INVALID_SIGNATURE');
  });

  it('covers payload fields that the protocol does not know', () => {
    expect(codeOf(JSON.stringify({ ...signed, payload: { ...signed.payload, extra: 1 } }))).toBe('INVALID_SIGNATURE');
  });

  it('does not verify with any bit of its signature changed', () => {
    const bytes = fromBase64(signed.signature);
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const flipped = bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)));
        expect(codeOf(JSON.stringify({ ...signed, signature: toBase64(flipped) }))).toBe('INVALID_SIGNATURE');
      }),
    );
  });

  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['one without padding', signed.signature.slice(0, -2)],
    ['one with spare bits set', signed.signature.slice(0, -3) + 'B=='],
    ['base64url', signed.signature.replace(/^./, '-')],
    ['one of 63 bytes', toBase64(new Uint8Array(63))],
  ])('is malformed with this signature: %s', (_, signature) => {
    const error = refusal(() => verifyFrame(JSON.stringify({ ...signed, signature })));
    expect([error.code, error.details?.['field']]).toEqual(['MALFORMED_MESSAGE', 'signature']);
  });

  it('of a DID that is no did:key needs a key from the caller', () => {
    const from = 'did:web:alice.example';
    const web = signFrame({ ...draft, from }, { ...alice, did: from });
    expect(codeOf(JSON.stringify(web))).toBe('INVALID_SIGNATURE');
    const keyOf = (did: string) => (did === from ? importPublicKey(alice.publicKey) : undefined);
    expect(verifyFrame(JSON.stringify(web), keyOf).frame.from).toBe(from);
    expect(refusal(() => verifyFrame(text, keyOf)).code).toBe('INVALID_SIGNATURE');
  });

  it('is refused with a duplicate key, of which two readers would see different ones', () => {
    expect(codeOf(text.replace('"to":', '"to":"did:key:z6Mkother","to":'))).toBe('MALFORMED_MESSAGE');
  });

  it('is refused above 1 MiB, not at it', () => {
    const padded = (size: number) => text + ' '.repeat(size - new TextEncoder().encode(text).length);
    expect(verifyFrame(padded(1024 * 1024)).frame.id).toBe('m-1');
    expect(codeOf(padded(1024 * 1024 + 1))).toBe('PAYLOAD_TOO_LARGE');
  });

  it('is refused with a text that canonical JSON cannot hold', () => {
    expect(codeOf(text.replace('héllo', String.raw`\ud800`))).toBe('MALFORMED_MESSAGE');
  });
});

describe('signing a frame', () => {
  it('names a wrong field before anything is sent', () => {
    const wrong = { ...draft, payload: { args: 'none' } } as unknown as IoapDraft;
    expect(refusal(() => signFrame(wrong, alice)).details).toEqual({ field: 'payload.args' });
  });

  it('is done by nobody but the sender', () => {
    expect(refusal(() => signFrame(draft, bob)).code).toBe('DID_MISMATCH');
  });
});

describe('the key in REGISTER', () => {
  const register = (public_key: string, from = alice.did) =>
    ({ from, payload: { public_key } }) as Pick<IoapEnvelope<'REGISTER'>, 'from' | 'payload'>;

  it('may be raw base58 or multibase', () => {
    expect(registeredKey(register(toBase58(alice.publicKey)))).toEqual(alice.publicKey);
    expect(registeredKey(register(toMultibaseKey(alice.publicKey)))).toEqual(alice.publicKey);
  });

  it('must be the key of the DID', () => {
    expect(refusal(() => registeredKey(register(toBase58(bob.publicKey)))).code).toBe('DID_MISMATCH');
    expect(registeredKey(register(toBase58(bob.publicKey), 'did:web:bob.example'))).toEqual(bob.publicKey);
  });

  it.each(['0'.repeat(44), toBase58(alice.publicKey.slice(1)), 'z'.repeat(48)])('cannot be %s', (text) => {
    const error = refusal(() => registeredKey(register(text)));
    expect([error.code, error.details?.['field']]).toEqual(['MALFORMED_MESSAGE', 'payload.public_key']);
  });
});

describe('hostile frames', () => {
  const refused = (raw: string | Uint8Array) => {
    try {
      verifyFrame(raw);
    } catch (error) {
      expect(error).toBeInstanceOf(AipError);
      return true;
    }
    return false;
  };

  it('end in an AipError and never verify: arbitrary text, bytes and JSON', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array(), fc.json()), (raw) => {
        expect(refused(raw)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('end in an AipError and never verify: a good frame with one field replaced by anything', () => {
    const signed = signFrame(draft, alice) as unknown as Record<string, unknown>;
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(signed)), fc.jsonValue(), (field, value) => {
        if (Object.is(signed[field], value)) return;
        expect(refused(JSON.stringify({ ...signed, [field]: value }))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('end in an AipError: a good frame with one byte changed', () => {
    const bytes = new TextEncoder().encode(JSON.stringify(signFrame(draft, alice)));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        expect(refused(bytes.with(at, byte))).toBe(bytes[at] !== byte);
      }),
      { numRuns: 1000 },
    );
  });

  it('of a signing key without order do not pass as somebody’s', () => {
    // With the neutral element as its key this signature fits every message.
    const neutral = Uint8Array.from([1, ...Array<number>(31).fill(0)]);
    const did = `did:key:z${toBase58(concatBytes(Uint8Array.of(0xed, 0x01), neutral))}`;
    const signature = toBase64(Uint8Array.from([1, ...Array<number>(63).fill(0)]));
    expect(() => parseFrame(JSON.stringify({ ...draft, from: did, signature }))).not.toThrow();
    expect(codeOf(JSON.stringify({ ...draft, from: did, signature }))).toBe('INVALID_SIGNATURE');
  });
});
