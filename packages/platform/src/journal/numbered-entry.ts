import { createHash, randomFillSync } from 'node:crypto';
import { commit as commitment, encodeEntryHead, leafHash, SALT_BYTES, type JsonObject } from '@aip/wire';
import type { Entry, EntryDraft } from '../kernel/entry.ts';
import type { StoredRow, WriteBatch } from './store.ts';

/** Bodies above this many characters are kept as content-addressed blobs. */
const BLOB_THRESHOLD = 64 * 1024;

export type Blob = WriteBatch['blobs'][number];

/** Commits to and hashes one numbered entry. Throws MALFORMED_MESSAGE for a head without canonical form. */
export function numberedEntry(entry: Entry): { readonly row: StoredRow; readonly blob?: Blob } {
  const content = storedBody(entry);
  const text = encodeEntryHead(headOf(entry, content?.commitment));
  const row: StoredRow = {
    tenant: entry.tenant,
    seq: entry.seq,
    at: entry.at,
    kind: entry.kind,
    ...(entry.task === undefined ? {} : { task: entry.task }),
    ...(entry.n === undefined ? {} : { n: entry.n }),
    text,
    leaf: leafHash(text),
    ...content?.columns,
  };
  return content?.blob ? { row, blob: content.blob } : { row };
}

/** The public part of an entry: everything that the leaf covers, with the body as a commitment only. */
function headOf(entry: Entry, body: string | undefined): JsonObject {
  return {
    tenant: entry.tenant,
    seq: entry.seq,
    at: entry.at,
    kind: entry.kind,
    head: entry.head,
    ...(entry.task === undefined ? {} : { task: entry.task }),
    ...(entry.n === undefined ? {} : { n: entry.n }),
    ...(body === undefined ? {} : { body }),
  };
}

/** The entry behind its canonical text, `<version>\n<canonical JSON>`; the content stays where it is. Throws for another text. */
export function entryOf(text: string): Entry {
  const { body: _commitment, ...entry } = JSON.parse(text.slice(text.indexOf('\n') + 1)) as Entry;
  return entry;
}

interface StoredBody {
  readonly commitment: string;
  readonly columns: Pick<StoredRow, 'body' | 'blob' | 'salt'>;
  readonly blob?: Blob;
}

function storedBody(entry: EntryDraft): StoredBody | undefined {
  if (entry.body === undefined) return undefined;
  const salt = freshSalt();
  const bytes = Buffer.from(entry.body);
  const sum = Buffer.from(commitment(salt, bytes)).toString('base64url');
  if (entry.body.length <= BLOB_THRESHOLD) return { commitment: sum, columns: { body: entry.body, salt } };
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { commitment: sum, columns: { blob: hash, salt }, blob: { hash, content: entry.body } };
}

/** Salts are cut from a pool: asking for 16 random bytes at a time costs more than hashing the entry. */
let pool = new Uint8Array(0);

function freshSalt(): Uint8Array {
  if (pool.length < SALT_BYTES) pool = randomFillSync(new Uint8Array(512 * SALT_BYTES));
  const salt = pool.subarray(0, SALT_BYTES);
  pool = pool.subarray(SALT_BYTES);
  return salt;
}
