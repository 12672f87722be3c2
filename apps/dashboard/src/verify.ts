import {
  AipError,
  Frontier,
  equalBytes,
  fromBase64Url,
  leafHash,
  publicKeyOfDid,
  verifyCheckpoint,
  verifyInclusion,
  type Checkpoint,
  type Json,
  type JsonObject,
} from '@aip/wire';
import type { AuditEntry, AuditHead, InclusionProof } from './api.ts';

/** Where the log is read from. */
export interface AuditSource {
  auditHead(): Promise<AuditHead>;
  auditEntries(from: number, limit: number): Promise<readonly AuditEntry[]>;
}

export interface Verified {
  readonly ok: true;
  /** Entries that the signed checkpoint covers, all of them recomputed. */
  readonly signed: number;
  /** Newer entries, recomputed as well, which the next checkpoint will sign. */
  readonly unsigned: number;
  /** Kills and pauses on record, none of which an accept in its scope has followed. */
  readonly stops: number;
  readonly gateway: string;
}

export interface Refuted {
  readonly ok: false;
  /** The first bad entry, where one can be named. */
  readonly seq?: number;
  readonly finding: string;
}

/** Entries fetched at a time; small enough that the page stays responsive while they are hashed. */
const PAGE = 250;
const EMPTY: Verified = { ok: true, signed: 0, unsigned: 0, stops: 0, gateway: '' };

/**
 * Recomputes the whole log from its texts: every leaf, the Merkle root (RFC 6962), the gateway's signature on the
 * checkpoint, and that nothing was accepted under a stop. Trusts nothing that the platform says about it but the
 * gateway's DID, which the reader can compare with the one it was given.
 *
 * @param onProgress told how many entries of how many are done
 * @throws AipError when the log cannot be read
 */
export async function verifyLog(
  source: AuditSource,
  onProgress: (done: number, size: number) => void,
  signal: AbortSignal,
): Promise<Verified | Refuted> {
  const head = await source.auditHead();
  if (head.size === 0) return EMPTY;
  const signed = await signedCheckpoint(head.checkpoint, head.origin, head.gateway);
  if ('finding' in signed) return signed;
  if (signed.size > head.size)
    return {
      ok: false,
      finding: `The checkpoint signs ${signed.size} entries, but the log has only ${head.size}: entries were removed.`,
    };

  const tree = new Frontier();
  const stops = createStopCheck();
  while (tree.size < head.size) {
    signal.throwIfAborted();
    const entries = await source.auditEntries(tree.size, Math.min(PAGE, head.size - tree.size));
    if (entries.length === 0) return { ok: false, seq: tree.size, finding: `Entry ${tree.size} is missing.` };
    for (const entry of entries) {
      const finding = badEntry(entry, tree.size) ?? stops.check(entry);
      if (finding !== undefined) return { ok: false, seq: tree.size, finding };
      tree.append(leafHash(entry.text));
      if (tree.size === signed.size && !equalBytes(tree.root(), signed.root)) {
        return {
          ok: false,
          finding: `The first ${signed.size} entries do not lead to the root that the gateway has signed: one of them was changed together with its leaf.`,
        };
      }
    }
    onProgress(tree.size, head.size);
  }
  return {
    ok: true,
    signed: signed.size,
    unsigned: head.size - signed.size,
    stops: stops.count(),
    gateway: head.gateway,
  };
}

/** Checks that one entry, as its text says, is in the log that the gateway has signed. */
export async function verifyEntry(
  entry: AuditEntry,
  proof: InclusionProof,
  { origin, gateway }: Pick<AuditHead, 'origin' | 'gateway'>,
): Promise<Verified | Refuted> {
  const finding = badEntry(entry, entry.seq);
  if (finding !== undefined) return { ok: false, seq: entry.seq, finding };
  const signed = await signedCheckpoint(proof.checkpoint, origin, gateway);
  if ('finding' in signed) return signed;
  const path = proof.path.map(fromBase64Url);
  if (verifyInclusion(leafHash(entry.text), entry.seq, signed.size, path, signed.root))
    return { ...EMPTY, signed: signed.size, gateway };
  return {
    ok: false,
    seq: entry.seq,
    finding: `Entry ${entry.seq} is not in the tree of ${signed.size} entries that the gateway has signed.`,
  };
}

async function signedCheckpoint(
  note: string | undefined,
  origin: string,
  gateway: string,
): Promise<Checkpoint | Refuted> {
  if (note === undefined)
    return { ok: false, finding: 'The gateway has not signed a checkpoint of this log yet; try again in a moment.' };
  if (globalThis.crypto?.subtle === undefined) {
    return {
      ok: false,
      finding:
        'This browser offers cryptography only on https and on localhost; open the dashboard there, or run "aip audit verify".',
    };
  }
  try {
    return (await verifyCheckpoint(note, { name: origin, publicKey: publicKeyOfDid(gateway) })).checkpoint;
  } catch (error) {
    if (error instanceof AipError)
      return { ok: false, finding: `The signed checkpoint does not hold: ${error.message}` };
    return {
      ok: false,
      finding: 'This browser cannot check Ed25519 signatures; use a newer one, or run "aip audit verify".',
    };
  }
}

function badEntry(entry: AuditEntry, seq: number): string | undefined {
  if (entry.seq !== seq) return `Entry ${seq} is missing; entry ${entry.seq} stands in its place.`;
  if (!equalBytes(leafHash(entry.text), bytesOf(entry.leaf)))
    return `Entry ${seq} was changed: its text does not hash to its leaf.`;
  if (contentOf(entry)?.['seq'] !== seq) return `Entry ${seq} says of itself that it is another entry.`;
  return undefined;
}

function bytesOf(base64url: string): Uint8Array {
  try {
    return fromBase64Url(base64url);
  } catch {
    return new Uint8Array(0);
  }
}

const VERSION = 'aip-entry-v1\n';

/** What an entry's text says: a version line, then JSON. */
export function contentOf({ text }: Pick<AuditEntry, 'text'>): JsonObject | undefined {
  if (!text.startsWith(VERSION)) return undefined;
  try {
    return JSON.parse(text.slice(VERSION.length)) as JsonObject;
  } catch {
    return undefined;
  }
}

const ACCEPTING = new Set(['accept', 'park', 'signal']);

/** Replays kills and releases: while a scope is stopped, nothing under it may be accepted but what crosses a kill. */
function createStopCheck() {
  const active = new Map<string, number>();
  let stops = 0;
  return {
    count: () => stops,
    check(entry: AuditEntry): string | undefined {
      const content = contentOf(entry);
      const kind = textOf(content?.['kind']);
      const head = (content?.['head'] ?? {}) as JsonObject;
      const scope = textOf(head['scope']);
      if (kind === 'kill') {
        stops++;
        active.set(scope, entry.seq);
      } else if (kind === 'release') active.delete(scope);
      else if (active.size > 0 && ACCEPTING.has(kind) && head['plane'] !== 'control') {
        const broken = scopesOf(head['scopes']).find((under) => active.has(under));
        if (broken !== undefined)
          return `Entry ${entry.seq} was accepted under ${broken}, which entry ${active.get(broken)} had stopped.`;
      }
      return undefined;
    },
  };
}

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const scopesOf = (scopes: Json | undefined): string[] => (Array.isArray(scopes) ? scopes.map(textOf) : []);
