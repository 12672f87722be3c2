import { Frontier, type Json } from '@aip/wire';
import type { Decider, Entry, Group, RowWrite, Verdict } from '../kernel/entry.ts';
import { errorBody, toErrorBody } from '../kernel/error-body.ts';
import { entryOf, numberedEntry, type Blob } from './numbered-entry.ts';
import { createRows, rowId, type RowDraft } from './rows.ts';
import {
  TILE_HEIGHT,
  type JournalStore,
  type LogHead,
  type RowChange,
  type StoredRow,
  type TreeNode,
} from './store.ts';

/** Changed rows that wait for the store at most, before they go with the next batch. */
const MAX_LAG = 512;

export interface WriterOptions {
  readonly store: JournalStore;
  readonly deciders: readonly Decider[];
  readonly now: () => number;
  /** Signs a checkpoint of a tenant's tree; returns the signed note. */
  readonly signCheckpoint: (tenant: string, size: number, root: Uint8Array) => string;
}

/** What a batch has come to. */
export interface Committed {
  readonly verdicts: readonly Verdict[];
  /** Rows it has changed that the store does not have yet. */
  readonly changes: readonly RowChange[];
  /** The store has every change that was told before. */
  readonly caughtUp: boolean;
}

export interface Writer {
  commit(groups: readonly Group[]): Promise<Committed>;
  /** Brings the rows up to the log, and signs a checkpoint for every log that has grown since its last one. */
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

/** What a batch would change; thrown away whole when the store cannot write it. */
interface Draft {
  readonly logs: Map<string, Log>;
  readonly rows: Map<string, RowDraft>;
  readonly entries: StoredRow[];
  readonly nodes: TreeNode[];
  readonly blobs: Blob[];
}

/**
 * The one writer of the log: takes groups in order, lets the deciders accept or refuse each, and appends what
 * was accepted in one durable transaction. A refused group leaves no trace; the exchange records the denial.
 * Rows are what the deciders make of the entries, so they need not be in that transaction: they follow behind,
 * and a start decides again what they have missed.
 */
export async function createWriter(options: WriterOptions): Promise<Writer> {
  const { store, now } = options;
  const rows = createRows(store);
  const logs = new Map<string, Log>();
  /** Whether entries have been appended that the rows of the store do not stand for yet. */
  let behind = false;
  /** Whether the rows have caught up since the last answer. */
  let caughtUp = true;
  const decidersOf = new Map<string, Decider[]>();
  for (const decider of options.deciders) {
    for (const kind of decider.kinds) decidersOf.set(kind, [...(decidersOf.get(kind) ?? []), decider]);
  }
  const deciders = (kind: string): readonly Decider[] => decidersOf.get(kind) ?? [];

  /** Takes up every log where its rows stand, and decides again what they have missed. */
  async function open(): Promise<void> {
    const heads = new Map((await store.heads()).map((head) => [head.tenant, head]));
    for (const tenant of await store.tenants()) {
      const log = logOf(tenant, heads.get(tenant));
      log.checkpointed = (await store.lastCheckpoint(tenant)) ?? 0;
      logs.set(tenant, log);
      for await (const { text, leaf, seq } of store.entries(tenant, log.size)) {
        if (seq !== log.size) throw new Error(`entry ${log.size} of the log of ${tenant} is missing`);
        await redecide(entryOf(text));
        log.frontier.append(leaf);
        log.size++;
        log.at = Math.max(log.at, entryOf(text).at);
      }
    }
    behind = rows.lag > 0;
    await catchUp();
  }

  async function redecide(entry: Entry): Promise<void> {
    const { tenant } = entry;
    for (const decider of deciders(entry.kind)) {
      await rows.load(decider.keys(entry).map((key) => ({ tenant, key })));
      const decision = decider.decide((key) => rows.get(rowId(tenant, key)) ?? undefined, entry);
      if ('refuse' in decision)
        throw new Error(
          `entry ${entry.seq} of the log of ${tenant} should have been refused: ${decision.refuse.message}`,
        );
      rows.adopt(decision.map((write) => ({ tenant, write, at: entry.at })));
    }
  }

  /** Loads the rows that the deciders of these groups will ask for. Returns the groups that cannot even say which. */
  async function loadRows(groups: readonly Group[]): Promise<ReadonlyMap<Group, Verdict>> {
    const keys: { tenant: string; key: string }[] = [];
    const refused = new Map<Group, Verdict>();
    for (const group of groups) {
      try {
        for (const key of keysOf(group)) keys.push({ tenant: group.tenant, key });
      } catch (error) {
        refused.set(group, { ok: false, error: toErrorBody(error) });
      }
    }
    await rows.load(keys);
    return refused;
  }

  /** Keys never depend on the number, so a provisional entry is enough to ask for them. */
  const keysOf = ({ tenant, entries }: Group): string[] =>
    entries.flatMap((draft) =>
      deciders(draft.kind).flatMap((decider) => decider.keys({ ...draft, tenant, seq: -1, at: 0 })),
    );

  function decideGroup(group: Group, draft: Draft): Verdict {
    const { tenant } = group;
    const log = draft.logs.get(tenant) ?? copyLog(logs.get(tenant));
    const at = Math.max(now(), log.at);
    const staged = new Map<string, RowWrite>();
    const read = (key: string): Json | undefined => {
      const id = rowId(tenant, key);
      const own = staged.get(key) ?? draft.rows.get(id)?.write;
      const value = own ? own.value : rows.get(id);
      // A row that was not loaded may exist: taking it for absent could permit what it forbids.
      if (value === undefined) throw new Error(`A decider asks for the row ${key}, which it has not declared.`);
      return value ?? undefined;
    };
    const entries = group.entries.map((entry, index): Entry => ({ ...entry, tenant, seq: log.size + index, at }));
    for (const entry of entries) {
      for (const decider of deciders(entry.kind)) {
        const decision = decider.decide(read, entry);
        if ('refuse' in decision) return { ok: false, error: decision.refuse };
        for (const write of decision) staged.set(write.key, write);
      }
    }
    // What has no canonical form throws here, before anything of the group is staged.
    const numbered = entries.map(numberedEntry);
    for (const [key, write] of staged) draft.rows.set(rowId(tenant, key), { tenant, write, at });
    for (const { row, blob } of numbered) {
      log.frontier.append(row.leaf, (level, index, hash) => {
        if (level > 0 && level % TILE_HEIGHT === 0) draft.nodes.push({ tenant, level, index, hash });
      });
      draft.entries.push(row);
      if (blob) draft.blobs.push(blob);
    }
    log.size += numbered.length;
    log.at = at;
    draft.logs.set(tenant, log);
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

  async function commit(groups: readonly Group[]): Promise<Committed> {
    const draft: Draft = { logs: new Map(), rows: new Map(), entries: [], nodes: [], blobs: [] };
    try {
      const refused = await loadRows(groups);
      const verdicts = groups.map((group) => refused.get(group) ?? decideSafely(group, draft));
      if (rows.lag >= MAX_LAG) await append(draft, rows.waiting(), headsOf(logs));
      else if (draft.entries.length > 0) await append(draft);
      behind ||= draft.entries.length > 0;
      for (const [tenant, log] of draft.logs) logs.set(tenant, log);
      const answer = { verdicts, changes: rows.adopt(draft.rows.values()), caughtUp };
      caughtUp = false;
      return answer;
    } catch (error) {
      const refusal: Verdict = { ok: false, error: notRecorded(error) };
      return { verdicts: groups.map(() => refusal), changes: [], caughtUp: false };
    }
  }

  /** Makes a batch durable, and with it, now and then, the rows that the batches before it have changed. */
  async function append(
    { entries, nodes, blobs }: Pick<Draft, 'entries' | 'nodes' | 'blobs'>,
    late: readonly RowChange[] = [],
    heads: readonly LogHead[] = [],
  ): Promise<void> {
    await store.write({ entries, nodes, blobs, rows: late, heads });
    if (heads.length === 0) return;
    rows.caughtUp();
    caughtUp = true;
    behind = false;
  }

  async function catchUp(): Promise<void> {
    if (behind) await append({ entries: [], nodes: [], blobs: [] }, rows.waiting(), headsOf(logs));
  }

  async function checkpoint(): Promise<void> {
    const grown = [...logs].filter(([, log]) => log.size > log.checkpointed);
    if (grown.length > 0) await catchUp();
    for (const [tenant, log] of grown) {
      await store.putCheckpoint(tenant, log.size, options.signCheckpoint(tenant, log.size, log.frontier.root()));
      log.checkpointed = log.size;
    }
  }

  async function sweep(): Promise<void> {
    // What is swept is gone for everybody: no entry that is decided again may need it.
    await catchUp();
    // By the log's own time, as its verification sees it: a clock that is ahead for a while must not make it forget.
    for (const [tenant, { at }] of logs) for (const key of await store.sweep(tenant, at)) rows.forget(tenant, key);
  }

  async function close(): Promise<void> {
    try {
      await checkpoint();
    } finally {
      await store.close();
    }
  }

  await open();
  let last: Promise<unknown> = Promise.resolve();
  /** One thing at a time: each starts from what the one before has left. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }
  return {
    commit: (groups) => inTurn(() => commit(groups)),
    checkpoint: () => inTurn(checkpoint),
    sweep: () => inTurn(sweep),
    close: () => inTurn(close),
  };
}

function logOf(tenant: string, head: LogHead | undefined): Log {
  if (!head) return copyLog(undefined);
  const frontier = Frontier.restore(head.frontier);
  if (frontier.size !== head.size)
    throw new Error(`the log of ${tenant} has ${head.size} entries, but its tree has ${frontier.size}`);
  return { size: head.size, at: head.at, frontier, checkpointed: 0 };
}

const copyLog = (log: Log | undefined): Log =>
  log ? { ...log, frontier: log.frontier.clone() } : { size: 0, at: 0, frontier: new Frontier(), checkpointed: 0 };

const headsOf = (logs: ReadonlyMap<string, Log>): LogHead[] =>
  [...logs].map(([tenant, { size, at, frontier }]) => ({ tenant, size, at, frontier: frontier.serialise() }));

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
