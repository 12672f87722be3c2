import { fromBase64, toBase64 } from './base64.ts';
import { AipError } from './errors.ts';
import { HASH_BYTES } from './merkle.ts';
import { type Note, type NoteKey, type NoteSigner, parseNote, signNote, verifyNote } from './note.ts';

/** Checkpoints of a log (C2SP tlog-checkpoint): which tree, how many leaves, which root; signed as a note. */
export interface Checkpoint {
  /** The log, and by custom the name of its key. */
  readonly origin: string;
  /** Number of leaves. */
  readonly size: number;
  /** Root of the Merkle tree, 32 bytes. */
  readonly root: Uint8Array;
  /** Further lines, covered by the signature. */
  readonly extensions?: readonly string[];
}

/** A checkpoint with all its signatures: the log's own and those of witnesses. */
export interface SignedCheckpoint extends Note {
  readonly checkpoint: Checkpoint;
}

/** @throws AipError INVALID_ARGUMENT for a checkpoint that cannot be written */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  const lines = [
    checkpoint.origin,
    String(checkpoint.size),
    toBase64(checkpoint.root),
    ...(checkpoint.extensions ?? []),
  ];
  const fits = Number.isSafeInteger(checkpoint.size) && checkpoint.size >= 0 && checkpoint.root.length === HASH_BYTES;
  if (!fits || lines.some((line) => line === '' || line.includes('\n'))) {
    throw new AipError('INVALID_ARGUMENT', 'A checkpoint has an origin, a size, a 32-byte root and whole lines.');
  }
  return signNote(lines.map((line) => `${line}\n`).join(''), signer);
}

/**
 * Reads a checkpoint without judging its signatures.
 *
 * @throws AipError MALFORMED_MESSAGE
 */
export function parseCheckpoint(note: string): SignedCheckpoint {
  return withCheckpoint(parseNote(note));
}

/**
 * Reads a checkpoint that `key` has signed.
 *
 * @param origin the log that it must be of; the name of the key unless told
 * @throws AipError MALFORMED_MESSAGE, INVALID_SIGNATURE, CONFLICT for another log's checkpoint
 */
export async function verifyCheckpoint(
  note: string,
  key: NoteKey,
  origin: string = key.name,
): Promise<SignedCheckpoint> {
  const signed = withCheckpoint(await verifyNote(note, key));
  if (signed.checkpoint.origin !== origin) {
    throw new AipError('CONFLICT', `This is a checkpoint of ${signed.checkpoint.origin}, not of ${origin}.`);
  }
  return signed;
}

function withCheckpoint(note: Note): SignedCheckpoint {
  const [origin = '', size = '', root = '', ...rest] = note.text.split('\n');
  const extensions = rest.slice(0, -1);
  const count = /^(0|[1-9]\d{0,15})$/.test(size) ? Number(size) : NaN;
  const hash = decodeRoot(root);
  if (
    rest.at(-1) !== '' ||
    origin === '' ||
    !Number.isSafeInteger(count) ||
    hash?.length !== HASH_BYTES ||
    extensions.includes('')
  ) {
    throw new AipError('MALFORMED_MESSAGE', 'This note is not a checkpoint: origin, size, root, one per line.');
  }
  const checkpoint = { origin, size: count, root: hash, ...(extensions.length > 0 && { extensions }) };
  return { ...note, checkpoint };
}

function decodeRoot(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}
