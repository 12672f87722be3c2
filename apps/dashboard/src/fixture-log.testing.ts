import { sign } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  encodeEntryHead,
  Frontier,
  generateKeyPair,
  inclusionPath,
  leafHash,
  signCheckpoint,
  toBase64Url,
  type JsonObject,
} from '@aip/wire';
import type { AuditEntry, AuditHead, InclusionProof } from './api.ts';
import type { LogEntry } from './feed.ts';

/** A log like the platform's, in memory: numbered, hashed into a tree, its checkpoints signed. */
export interface FixtureLog {
  readonly gateway: string;
  readonly entries: readonly (LogEntry & AuditEntry)[];
  /** @returns the entry's number */
  append(kind: string, head: JsonObject, task?: string, at?: number): number;
  /** Changes a stored text, as somebody with access to the disk would; `withLeaf` hides it from a look at that entry alone. */
  tamper(seq: number, change: (text: string) => string, withLeaf?: boolean): void;
  head(): AuditHead & JsonObject;
  page(from: number, limit: number): AuditEntry[] & JsonObject[];
  proof(seq: number): InclusionProof & JsonObject;
  task(id: string): JsonObject;
  /** Server-Sent Events behind entry `after`, until the client goes. */
  stream(after: number, response: ServerResponse): void;
}

export function createFixtureLog(): FixtureLog {
  const key = generateKeyPair();
  const origin = `aip/${key.did}/default`;
  const entries: (LogEntry & AuditEntry)[] = [];
  const tree = new Frontier();
  const nodes = new Map<string, Uint8Array>();
  const followers = new Set<() => void>();
  const steps = new Map<string, number>();

  const checkpoint = (): string =>
    signCheckpoint(
      { origin, size: tree.size, root: tree.root() },
      { name: origin, publicKey: key.publicKey, sign: (message) => sign(null, message, key.privateKey) },
    );

  return {
    gateway: key.did,
    entries,
    append(kind, head, task, at = Date.now()) {
      const seq = entries.length;
      const n = task === undefined ? undefined : (steps.get(task) ?? 0) + 1;
      if (task !== undefined && n !== undefined) steps.set(task, n);
      const place = { ...(task === undefined ? {} : { task }), ...(n === undefined ? {} : { n }) };
      const text = encodeEntryHead({ tenant: 'default', seq, at, kind, head, ...place });
      const leaf = leafHash(text);
      tree.append(leaf, (level, index, hash) => nodes.set(`${level}/${index}`, hash));
      entries.push({ seq, at, kind, head, ...place, text, leaf: toBase64Url(leaf) });
      for (const follower of followers) follower();
      return seq;
    },
    tamper(seq, change, withLeaf = false) {
      const entry = entries[seq];
      if (!entry) throw new Error(`There is no entry ${seq}.`);
      const text = change(entry.text);
      entries[seq] = { ...entry, text, ...(withLeaf ? { leaf: toBase64Url(leafHash(text)) } : {}) };
    },
    head: () => ({
      size: tree.size,
      ...(tree.size === 0 ? {} : { checkpoint: checkpoint() }),
      origin,
      gateway: key.did,
    }),
    page: (from, limit) =>
      entries.slice(from, from + limit).map(({ seq, at, kind, task, text, leaf }) => ({
        seq,
        at,
        kind,
        text,
        leaf,
        ...(task === undefined ? {} : { task }),
      })),
    proof(seq) {
      const path = inclusionPath(seq, tree.size, (level, index) => nodes.get(`${level}/${index}`) as Uint8Array);
      return { size: tree.size, path: path.map(toBase64Url), checkpoint: checkpoint() };
    },
    task(id) {
      const own = entries.filter(({ task }) => task === id);
      const [first] = own;
      const last = own.at(-1);
      const state =
        (last?.head['state'] as string | undefined) ?? (last?.kind === 'park' ? 'auth_required' : 'working');
      const head = first?.head ?? {};
      const time = new Date(first?.at ?? 0).toISOString();
      return {
        task: {
          id,
          state,
          from: head['from'] ?? '',
          from_name: head['fromName'] ?? '',
          to: head['to'] ?? '',
          action: head['action'] ?? '',
          edge: head['edge'] ?? '',
          price: 5,
          created_at: time,
          updated_at: time,
        },
        events: own.map(({ kind, at, n }) =>
          kind === 'settle'
            ? {
                n: n ?? 1,
                at,
                type: 'done',
                state,
                body: { type: 'data', value: { summary: 'Three papers on durable logs.', sources: 3 } },
              }
            : {
                n: n ?? 1,
                at,
                type: kind === 'park' ? 'asked' : 'submitted',
                state: kind === 'park' ? 'auth_required' : 'submitted',
              },
        ),
      };
    },
    stream(after, response) {
      let sent = after + 1;
      const send = (): void => {
        const fresh = entries.slice(sent).map(({ seq, at, kind, head, task, n }) => ({
          seq,
          at,
          kind,
          head,
          ...(task === undefined ? {} : { task }),
          ...(n === undefined ? {} : { n }),
        }));
        if (fresh.length === 0) return;
        sent += fresh.length;
        response.write(`event: entries\nid: ${sent - 1}\ndata: ${JSON.stringify(fresh)}\n\n`);
      };
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 1000\n\n');
      followers.add(send);
      response.once('close', () => followers.delete(send));
      send();
    },
  };
}
