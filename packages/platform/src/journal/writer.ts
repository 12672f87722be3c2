import { createHash, randomFillSync } from 'node:crypto';
import {
  commit as commitment,
  encodeEntryHead,
  Frontier,
  leafHash,
  SALT_BYTES,
  type Json,
  type JsonObject,
} from '@aip/wire';
import type { Decider, Entry, EntryDraft, Group, RowWrite, Verdict } from '../kernel/entry.ts';
import { errorBody, toErrorBody } from '../kernel/error-body.ts';
import { createRecentMap } from '../kernel/recent-map.ts';
import {
  TILE_HEIGHT,
  type JournalStore,
  type LogHead,
  type RowChange,
  type StoredRow,
  type TreeNode,
  type WriteBatch,
} from './store.ts';

/** Bodies above this many characters are kept as content-addressed blobs. */
const BLOB_THRESHOLD = 64 * 1024;
const MAX_CACHED = 10_000;

export interface WriterOptions {
  readonly store: JournalStore;
  readonly deciders: readonly Decider[];
  readonly now: () => number;
  /** Signs a checkpoint of a tenant's tree; returns the signed note. */
  readonly signCheckpoint: (tenant: string, size: number, root: Uint8Array) => string;
}

export interface Writer {
  commit(groups: readonly Group[]): Promise<Verdict[]>;
  /** Signs and stores a checkpoint for every log that has grown since its last one. */
  checkpoint(): Promise<void>;
  sweep(): Promise<void>;
  close(): Promise<void>;
}

interface Log {
  size: number;
  at: number;
  frontier: Frontier;
  checkpointed: number;
}

type Blob = WriteBatch['blobs'][number];

/** What a batch would change; thrown away whole when the store cannot write it. */
interface Draft {
  readonly logs: Map<string, Log>;
  readonly rows: Map<string, { tenant: string; write: RowWrite; at: number }>;
  readonly entries: StoredRow[];
  readonly nodes: TreeNode[];
  readonly blobs: Blob[];
}

/**
 * The one writer of the log: takes groups in order, lets the deciders accept or refuse each, and writes what
 * was accepted in one durable transaction. A refused group leaves no trace; the exchange records the denial.
 */
export async function createWriter(options: WriterOptions): Promise<Writer> {
  const { store, now } = options;
  /** Rows as of the last commit, by id; absence is kept too. Trimmed between batches: none leaves under a running one. */
  const cache = createRecentMap<Json | undefined>(MAX_CACHED);
  const logs = new Map<string, Log>();
  for (const head of await store.heads()) {
    const checkpointed = (await store.lastCheckpoint(head.tenant)) ?? 0;
    const frontier = Frontier.restore(head.frontier);
    if (frontier.size !== head.size)
      throw new Error(`the log of ${head.tenant} has ${head.size} entries, but its tree has ${frontier.size}`);
    logs.set(head.tenant, { size: head.size, at: head.at, frontier, checkpointed });
  }
  const decidersOf = new Map<string, Decider[]>();
  for (const decider of options.deciders) {
    for (const kind of decider.kinds) decidersOf.set(kind, [...(decidersOf.get(kind) ?? []), decider]);
  }
  const deciders = (kind: string): readonly Decider[] => decidersOf.get(kind) ?? [];

  /** Reads the rows that the deciders of these groups will ask for. Returns the groups that cannot even say which. */
  async function loadRows(groups: readonly Group[]): Promise<ReadonlyMap<Group, Verdict>> {
    const missing = new Map<string, { tenant: string; key: string }>();
    const refused = new Map<Group, Verdict>();
    for (const group of groups) {
      try {
        for (const key of keysOf(group)) {
          const id = rowId(group.tenant, key);
          if (!cache.has(id)) missing.set(id, { tenant: group.tenant, key });
        }
      } catch (error) {
        refused.set(group, { ok: false, error: toErrorBody(error) });
      }
    }
    if (missing.size > 0) {
      const values = await store.rows([...missing.values()]);
      let index = 0;
      for (const id of missing.keys()) cache.set(id, values[index++]);
    }
    return refused;
  }

  /** Keys never depend on the number, so a provisional entry is enough to ask for them. */
  const keysOf = ({ tenant, entries }: Group): string[] =>
    entries.flatMap((draft) =>
      deciders(draft.kind).flatMap((decider) => decider.keys({ ...draft, tenant, seq: -1, at: 0 })),
    );

  function decideGroup(group: Group, draft: Draft): Verdict {
    const log = draft.logs.get(group.tenant) ?? copyLog(logs.get(group.tenant));
    const at = Math.max(now(), log.at);
    const staged = new Map<string, RowWrite>();
    const read = (key: string): Json | undefined => {
      const own = staged.get(key) ?? draft.rows.get(rowId(group.tenant, key))?.write;
      if (own) return own.value === null ? undefined : own.value;
      const id = rowId(group.tenant, key);
      // A row that was not loaded may exist: taking it for absent could permit what it forbids.
      if (!cache.has(id)) throw new Error(`A decider asks for the row ${key}, which it has not declared.`);
      return cache.get(id);
    };
    const entries = group.entries.map((entry, index): Entry => ({
      ...entry,
      tenant: group.tenant,
      seq: log.size + index,
      at,
    }));
    for (const entry of entries) {
      for (const decider of deciders(entry.kind)) {
        const decision = decider.decide(read, entry);
        if ('refuse' in decision) return { ok: false, error: decision.refuse };
        for (const write of decision) staged.set(write.key, write);
      }
    }
    // What has no canonical form throws here, before anything of the group is staged.
    const stored = entries.map(storedEntry);
    for (const [key, write] of staged) draft.rows.set(rowId(group.tenant, key), { tenant: group.tenant, write, at });
    for (const { row, blob } of stored) {
      log.frontier.append(row.leaf, (level, index, hash) => {
        if (level > 0 && level % TILE_HEIGHT === 0) draft.nodes.push({ tenant: group.tenant, level, index, hash });
      });
      draft.entries.push(row);
      if (blob) draft.blobs.push(blob);
    }
    log.size += stored.length;
    log.at = at;
    draft.logs.set(group.tenant, log);
    return { ok: true, seq: entries[0]?.seq ?? log.size, at };
  }

  function decideSafely(group: Group, draft: Draft): Verdict {
    try {
      return decideGroup(group, draft);
    } catch (error) {
      // A decider that fails must refuse: nothing of the group has been staged yet.
      return { ok: false, error: toErrorBody(error) };
    }
  }

  async function commit(groups: readonly Group[]): Promise<Verdict[]> {
    const draft: Draft = { logs: new Map(), rows: new Map(), entries: [], nodes: [], blobs: [] };
    try {
      const refused = await loadRows(groups);
      const verdicts = groups.map((group) => refused.get(group) ?? decideSafely(group, draft));
      if (draft.entries.length > 0) await store.write(batchOf(draft));
      adopt(draft);
      return verdicts;
    } catch (error) {
      const refusal: Verdict = { ok: false, error: notRecorded(error) };
      return groups.map(() => refusal);
    }
  }

  function adopt(draft: Draft): void {
    for (const [tenant, log] of draft.logs) logs.set(tenant, log);
    for (const [id, { write }] of draft.rows) cache.set(id, write.value === null ? undefined : write.value);
    cache.trim();
  }

  async function checkpoint(): Promise<void> {
    for (const [tenant, log] of logs) {
      if (log.size === log.checkpointed) continue;
      await store.putCheckpoint(tenant, log.size, options.signCheckpoint(tenant, log.size, log.frontier.root()));
      log.checkpointed = log.size;
    }
  }

  return {
    commit,
    checkpoint,
    async sweep() {
      for (const { tenant, key } of await store.sweep(now())) cache.delete(rowId(tenant, key));
    },
    async close() {
      try {
        await checkpoint();
      } finally {
        await store.close();
      }
    },
  };
}

const rowId = (tenant: string, key: string): string => `${tenant}\0${key}`;

const copyLog = (log: Log | undefined): Log =>
  log ? { ...log, frontier: log.frontier.clone() } : { size: 0, at: 0, frontier: new Frontier(), checkpointed: 0 };

/** Commits to and hashes one numbered entry. Throws MALFORMED_MESSAGE for a head without canonical form. */
function storedEntry(entry: Entry): { row: StoredRow; blob?: Blob } {
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

function batchOf(draft: Draft): WriteBatch {
  const heads: LogHead[] = [...draft.logs].map(([tenant, log]) => ({
    tenant,
    size: log.size,
    at: log.at,
    frontier: log.frontier.serialise(),
  }));
  const rows: RowChange[] = [...draft.rows.values()].map(({ tenant, write, at }) => ({
    tenant,
    key: write.key,
    value: write.value === null ? null : JSON.stringify(write.value),
    updated: at,
    ...(write.list === undefined ? {} : { list: write.list }),
    ...(write.open ? { open: true } : {}),
    ...(write.expires === undefined ? {} : { expires: write.expires }),
  }));
  return { entries: draft.entries, rows, heads, nodes: draft.nodes, blobs: draft.blobs };
}

function notRecorded(error: unknown) {
  const reason = error instanceof Error ? error.message : String(error);
  const full = /full|ENOSPC/i.test(reason);
  return full
    ? errorBody(
        'DISK_FULL',
        'The log cannot grow: the disk of the data folder is full. Nothing was executed; free space and try again.',
      )
    : errorBody('NOT_RECORDED', 'The log could not record this action, so it was not executed.', {
        cause: reason.slice(0, 200),
      });
}
