import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { emptyRoot, Frontier } from '@aip/wire';
import { onTestFinished } from 'vitest';
import { openSqliteReader } from '../engines/sqlite/reader.ts';
import { openSqliteStore } from '../engines/sqlite/store.ts';
import { NO_WRITES, type Decider, type EntryDraft } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import { createJournal } from './journal.ts';
import type { JournalStore, WriteBatch } from './store.ts';
import { createWriter } from './writer.ts';

/** One number for each key: adding more than 100 in all is refused, and so is what says so. */
const counter: Decider = {
  name: 'counter',
  kinds: ['add'],
  keys: (entry) =>
    entry.head['keys'] ? (entry.head['keys'] as string[]).map((key) => key.trim()) : [entry.head['key'] as string],
  decide(rows, entry) {
    if (entry.head['broken']) throw new Error('a decider that fails');
    if (entry.head['beside']) return rows('beside') ? NO_WRITES : [{ key: 'beside', value: true }];
    const sum = ((rows(entry.head['key'] as string) as number | undefined) ?? 0) + (entry.head['n'] as number);
    return sum > 100
      ? { refuse: errorBody('BUDGET_EXCEEDED', 'Too much.') }
      : [{ key: entry.head['key'] as string, value: sum }];
  },
};

export const add = (key: string, n: number, more = {}): EntryDraft => ({ kind: 'add', head: { key, n, ...more } });

interface Options {
  readonly now?: () => number;
  readonly deciders?: readonly Decider[];
  /** Stands before the store's own write. */
  readonly onWrite?: (batch: WriteBatch) => void;
}

export async function open(
  { now = Date.now, deciders = [counter], onWrite = () => {} }: Options = {},
  folder = newFolder(),
) {
  const file = path.join(folder, 'log.db');
  const sqlite = openSqliteStore(file);
  const store: JournalStore = {
    ...sqlite,
    write(batch) {
      onWrite(batch);
      return sqlite.write(batch);
    },
  };
  const writer = await createWriter({
    store,
    deciders,
    now,
    signCheckpoint: (tenant, size, root) => `${tenant} ${size} ${Buffer.from(root).toString('hex')}`,
  });
  const reader = openSqliteReader(file);
  const close = async (): Promise<void> => {
    reader.close();
    await writer.close();
  };
  const journal = createJournal(writer, reader);
  /** The process is gone: nothing is brought up to date any more. */
  const kill = (): void => {
    reader.close();
    void sqlite.close();
  };
  return { journal, reader: journal.read, writer, folder, close, kill };
}

export function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'aip-journal-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A journal that is closed at the end of the test. */
export async function opened(options: Options = {}) {
  const made = await open(options);
  onTestFinished(made.close);
  return made;
}

export const rootOf = (leaves: readonly Uint8Array[]): Uint8Array => {
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.append(leaf);
  return leaves.length === 0 ? emptyRoot() : frontier.root();
};
