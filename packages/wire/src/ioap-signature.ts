import type { KeyObject } from 'node:crypto';
import { fromBase58 } from './base58.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { equalBytes } from './bytes.ts';
import { checkPublicKey, fromMultibaseKey, publicKeyOfDid } from './did-key.ts';
import { AipError } from './errors.ts';
import {
  type IoapDraft,
  type IoapEnvelope,
  type IoapFrame,
  IOAP_MAX_FRAME_BYTES,
  checkDraft,
  checkFrame,
} from './ioap-frame.ts';
import { canonicalJson } from './jcs.ts';
import { type Json, parseJson } from './json.ts';
import { type KeyPair, keyOfDid, sign, verify } from './keys.ts';

/** A frame and the bytes that it came in; those are forwarded, never a new serialisation. */
export interface ReceivedFrame<F extends IoapFrame = IoapFrame> {
  readonly frame: F;
  readonly raw: string | Uint8Array;
}

/**
 * Signs a frame for its sender.
 *
 * @throws AipError MALFORMED_MESSAGE naming the wrong field, UNSUPPORTED_VERSION, DID_MISMATCH if `from` is not
 * the DID of the key
 */
export function signFrame<D extends IoapDraft>(draft: D, pair: KeyPair): D & { signature: string } {
  const fields: unknown = draft;
  checkDraft(fields as Json);
  if (draft.from !== pair.did) throw new AipError('DID_MISMATCH', 'from must be the DID of the signing key.');
  return { ...draft, signature: toBase64(sign(canonicalJson(draft), pair.privateKey)) };
}

/**
 * Reads a frame without looking at its signature.
 *
 * @throws AipError PAYLOAD_TOO_LARGE, UNSUPPORTED_VERSION, MALFORMED_MESSAGE naming the wrong field
 */
export function parseFrame(raw: string | Uint8Array): ReceivedFrame {
  const value = parseJson(raw, { maxBytes: IOAP_MAX_FRAME_BYTES });
  checkFrame(value);
  return { frame: value, raw };
}

/**
 * Reads a frame and verifies that `from` signed it. It does not judge time, replay or the session: see
 * {@link checkTimestamp}.
 *
 * @param keyOf the verifying key of a DID; did:key needs no help
 * @throws AipError as {@link parseFrame}, and INVALID_SIGNATURE
 */
export function verifyFrame(
  raw: string | Uint8Array,
  keyOf: (did: string) => KeyObject | undefined = keyOfDid,
): ReceivedFrame {
  const received = parseFrame(raw);
  const { signature, ...draft } = received.frame;
  const key = findKey(draft.from, keyOf);
  if (!verify(canonicalJson(draft), fromBase64(signature), key)) {
    throw new AipError('INVALID_SIGNATURE', 'The signature does not fit the frame and the key of its sender.', {
      details: { from: draft.from },
    });
  }
  return received;
}

/**
 * The raw public key that a REGISTER frame presents. A did:key must be made of this very key; for other DID
 * methods the caller compares it with the resolved document.
 *
 * @throws AipError MALFORMED_MESSAGE if the key cannot be read, DID_MISMATCH if it is not the key of `from`
 */
export function registeredKey(frame: Pick<IoapEnvelope<'REGISTER'>, 'from' | 'payload'>): Uint8Array<ArrayBuffer> {
  const publicKey = readPublicKey(frame.payload.public_key);
  if (frame.from.startsWith('did:key:') && !equalBytes(publicKey, publicKeyOfDid(frame.from))) {
    throw new AipError('DID_MISMATCH', 'payload.public_key is not the key that the DID in from is made of.');
  }
  return publicKey;
}

/** The multibase form has 48 characters; raw keys in base58 have at most 44. */
function readPublicKey(text: string): Uint8Array<ArrayBuffer> {
  try {
    return text.length === 48 ? fromMultibaseKey(text) : checkPublicKey(fromBase58(text));
  } catch (cause) {
    throw new AipError(
      'MALFORMED_MESSAGE',
      'payload.public_key must be an Ed25519 public key in base58 or multibase.',
      {
        details: { field: 'payload.public_key' },
        cause,
      },
    );
  }
}

function findKey(did: string, keyOf: (did: string) => KeyObject | undefined): KeyObject {
  try {
    const key = keyOf(did);
    if (key !== undefined) return key;
  } catch (cause) {
    throw new AipError('INVALID_SIGNATURE', 'No verifying key can be had from the DID in from.', {
      details: { from: did },
      cause,
    });
  }
  throw new AipError('INVALID_SIGNATURE', 'The verifying key of the DID in from is not known.', {
    details: { from: did },
  });
}
