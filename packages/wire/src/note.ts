import { sha256, verifyEd25519 } from '#crypto';
import { fromBase64, toBase64 } from './base64.ts';
import { concatBytes, equalBytes, utf8Bytes } from './bytes.ts';
import { checkPublicKey } from './did-key.ts';
import { AipError } from './errors.ts';

/** Signed notes (C2SP signed-note v1.0): a text, an empty line, and one line per signature. */

/** Names an Ed25519 key that signs notes. */
export interface NoteKey {
  /** Without spaces and plus signs; by custom a schema-less URL. */
  readonly name: string;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface NoteSigner extends NoteKey {
  /** Ed25519 over the bytes of the text. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  /** First four bytes of a hash of name, algorithm and key; a hint, no proof. */
  readonly keyId: Uint8Array;
  /** Whatever the algorithm of the key asks for: 64 bytes for Ed25519, 72 for a witness's cosignature. */
  readonly signature: Uint8Array;
}

export interface Note {
  /** The signed text, with its last newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const ED25519 = 0x01;
const KEY_ID_BYTES = 4;
const MAX_NOTE_CHARS = 65_536;
const MAX_SIGNATURES = 64;
const NAME = /^[^\s+]{1,256}$/u;
// oxlint-disable-next-line no-control-regex -- the specification forbids exactly these
const FORBIDDEN_IN_TEXT = /[\u0000-\u0009\u000b-\u001f]/;

/** @throws AipError INVALID_ARGUMENT for a text that cannot be a note or a name that cannot be a key's */
export function signNote(text: string, signer: NoteSigner): string {
  if (!text.endsWith('\n') || FORBIDDEN_IN_TEXT.test(text) || !text.isWellFormed()) {
    throw new AipError('INVALID_ARGUMENT', 'A note is text without control characters and ends with a newline.');
  }
  return `${text}\n${signatureLine(signer.name, concatBytes(keyIdOf(signer), signer.sign(utf8Bytes(text))))}`;
}

/** Adds the signature lines of one note to another of the same text, as a log does with its witnesses' cosignatures. */
export function mergeSignatures(note: string, other: string): string {
  const [mine, theirs] = [parseNote(note), parseNote(other)];
  if (mine.text !== theirs.text) throw new AipError('CONFLICT', 'These signatures are for different notes.');
  const lines = [...mine.signatures, ...theirs.signatures].map(({ name, keyId, signature }) =>
    signatureLine(name, concatBytes(keyId, signature)),
  );
  return `${mine.text}\n${[...new Set(lines)].join('')}`;
}

/** @throws AipError MALFORMED_MESSAGE */
export function parseNote(note: string): Note {
  const border = note.length > MAX_NOTE_CHARS ? -1 : note.lastIndexOf('\n\n');
  const text = note.slice(0, border + 1);
  const lines = note.slice(border + 2).split('\n');
  if (border < 0 || lines.pop() !== '' || FORBIDDEN_IN_TEXT.test(note) || !note.isWellFormed()) throw malformed();
  if (lines.length === 0 || lines.length > MAX_SIGNATURES) throw malformed();
  return { text, signatures: lines.map(parseSignatureLine) };
}

/**
 * The note, if `key` signed it; other signatures in it are neither required nor judged.
 *
 * @throws AipError MALFORMED_MESSAGE, INVALID_SIGNATURE
 */
export async function verifyNote(note: string, key: NoteKey): Promise<Note> {
  const parsed = parseNote(note);
  const keyId = keyIdOf(key);
  const own = parsed.signatures.filter(({ name, keyId: id }) => name === key.name && equalBytes(id, keyId));
  for (const { signature } of own) {
    if (!(await verifyEd25519(key.publicKey, utf8Bytes(parsed.text), signature))) throw notSigned(key);
  }
  if (own.length === 0) throw notSigned(key);
  return parsed;
}

/** The text form of a verifying key: `name+hash+base64`. Give this to whoever shall check notes. */
export function formatNoteKey(key: NoteKey): string {
  const hex = Array.from(keyIdOf(key), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${key.name}+${hex}+${toBase64(concatBytes(Uint8Array.of(ED25519), key.publicKey))}`;
}

/** @throws AipError INVALID_ARGUMENT unless {@link formatNoteKey} would write this very text */
export function parseNoteKey(text: string): NoteKey {
  const [name = '', , ...base64] = text.split('+');
  const bytes = fromBase64(base64.join('+'));
  const key = { name, publicKey: bytes.slice(1) };
  if (bytes[0] !== ED25519 || formatNoteKey(key) !== text) {
    throw new AipError('INVALID_ARGUMENT', 'This is not a verifying key of the form name+hash+key.');
  }
  return key;
}

function keyIdOf({ name, publicKey }: NoteKey): Uint8Array {
  if (!NAME.test(name)) throw new AipError('INVALID_ARGUMENT', 'The name of a note key has no spaces and no plus.');
  const input = concatBytes(utf8Bytes(name), Uint8Array.of(0x0a, ED25519), checkPublicKey(publicKey));
  return sha256(input).slice(0, KEY_ID_BYTES);
}

function signatureLine(name: string, bytes: Uint8Array): string {
  return `— ${name} ${toBase64(bytes)}\n`;
}

function parseSignatureLine(line: string): NoteSignature {
  const [dash, name, base64, ...more] = line.split(' ');
  if (dash !== '—' || name === undefined || !NAME.test(name) || base64 === undefined || more.length > 0)
    throw malformed();
  const bytes = decodeOrRefuse(base64);
  if (bytes.length <= KEY_ID_BYTES) throw malformed();
  return { name, keyId: bytes.slice(0, KEY_ID_BYTES), signature: bytes.slice(KEY_ID_BYTES) };
}

function decodeOrRefuse(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause?: unknown): AipError {
  return new AipError('MALFORMED_MESSAGE', 'This is not a signed note.', { cause });
}

function notSigned(key: NoteKey): AipError {
  return new AipError('INVALID_SIGNATURE', `The note has no valid signature of ${key.name}.`);
}
