/** What of the package a browser can run: all but private keys and Node's key objects. Chosen by the `browser` condition. */
export {
  AipError,
  ERROR_CODES,
  ERRORS,
  aipErrorFromBody,
  isErrorCode,
  isRetryable,
  toAipError,
  type AcpErrorCode,
  type AipErrorOptions,
  type ErrorBody,
  type ErrorCode,
  type ErrorProjection,
  type GrpcStatus,
} from './errors.ts';
export { isJsonObject, parseJson, type Json, type JsonLimits, type JsonObject } from './json.ts';
export { canonicalJson } from './jcs.ts';
export { concatBytes, equalBytes, utf8Bytes } from './bytes.ts';
export { fromBase64, fromBase64Url, toBase64, toBase64Url } from './base64.ts';
export { fromBase58, toBase58 } from './base58.ts';
export { sha256, verifyEd25519 } from '#crypto';
export {
  checkPublicKey,
  didOfPublicKey,
  fromMultibaseKey,
  keyIdOfDid,
  publicKeyOfDid,
  toMultibaseKey,
} from './did-key.ts';
export {
  IOAP_MAX_FRAME_BYTES,
  IOAP_SUBPROTOCOL,
  IOAP_TYPES,
  IOAP_VERSION,
  checkDraft,
  checkFrame,
  checkTimestamp,
  type IoapCallOptions,
  type IoapCapability,
  type IoapDraft,
  type IoapEnvelope,
  type IoapFrame,
  type IoapPayloads,
  type IoapType,
} from './ioap-frame.ts';
export {
  HASH_BYTES,
  consistencyPath,
  emptyRoot,
  inclusionPath,
  leafHash,
  nodeHash,
  rootAt,
  verifyConsistency,
  verifyInclusion,
  type HashAt,
} from './merkle.ts';
export { Frontier } from './frontier.ts';
export { SALT_BYTES, commit, encodeEntryHead, entryLeaf } from './leaf.ts';
export {
  formatNoteKey,
  mergeSignatures,
  parseNote,
  parseNoteKey,
  signNote,
  verifyNote,
  type Note,
  type NoteKey,
  type NoteSignature,
  type NoteSigner,
} from './note.ts';
export {
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
  type Checkpoint,
  type SignedCheckpoint,
} from './checkpoint.ts';
