import {
  commit,
  emptyRoot,
  equalBytes,
  Frontier,
  isJsonObject,
  leafHash,
  parseCheckpoint,
  parseJson,
  publicKeyOfDid,
  SALT_BYTES,
  utf8Bytes,
  verifyCheckpoint,
  type JsonObject,
} from '@aip/wire';
import { TILE_HEIGHT } from '../../journal/store.ts';
import type { Decider, Entry } from '../../kernel/entry.ts';
import { createKillHistory, type KillRecord } from './kills.ts';
import { createReplay } from './replay.ts';
import type { AuditEntry, LogSource } from './source.ts';
import { nodePlace, type MadeState } from './state.ts';

/** Problems listed at most; the first ones are the ones that matter. */
const MAX_PROBLEMS = 20;

export interface AuditProblem {
  /** The entry it is about; absent for a checkpoint or the file itself. */
  readonly seq?: number;
  readonly what: string;
}

export interface AuditReport {
  readonly tenant: string;
  readonly ok: boolean;
  readonly entries: number;
  readonly checkpoints: number;
  /** Entries whose content and salt have been erased; their place and their commitment stand. */
  readonly erased: number;
  /** Entries after the last checkpoint: recorded, not yet signed. */
  readonly unsigned: number;
  /** Root of the whole tree, base64url. */
  readonly root: string;
  readonly kills: readonly KillRecord[];
  readonly problems: readonly AuditProblem[];
}

export interface VerifyOptions {
  /** Everything that was decided inside the commit. */
  readonly deciders: readonly Decider[];
  /** Name of the log in its checkpoints. */
  readonly origin: string;
  /** A checkpoint that was kept elsewhere: what it signs has to be how this log begins. */
  readonly kept?: string | undefined;
  /** Compares the state with what is kept beside the log, once so many entries have been replayed. */
  readonly state?: { readonly at: number; readonly compare: (made: MadeState) => readonly AuditProblem[] };
}

/**
 * Verifies one tenant's log from its first entry: every leaf, every commitment, every signed checkpoint, and
 * that everything accepted could be accepted. Names the entry that does not fit.
 */
export async function verifyLog(
  source: LogSource,
  { deciders, origin, kept, state }: VerifyOptions,
): Promise<AuditReport> {
  const problems: AuditProblem[] = [];
  const report = (what: string, seq?: number): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(seq === undefined ? { what } : { seq, what });
  };
  const frontier = new Frontier();
  const nodes = new Map<string, Uint8Array>();
  const keep = (level: number, index: number, hash: Uint8Array): void => {
    if (level > 0 && level % TILE_HEIGHT === 0) nodes.set(nodePlace({ level, index }), hash);
  };
  const replay = createReplay(deciders);
  const kills = createKillHistory();
  const roots = new Map<number, Uint8Array>();
  const { checkpoints } = source;
  const signed = Math.max(0, ...checkpoints.map(({ size }) => size));
  const keptSize = kept === undefined ? undefined : parseCheckpoint(kept).checkpoint.size;
  const sizes = new Set(checkpoints.map(({ size }) => size));
  if (keptSize !== undefined) sizes.add(keptSize);
  function decide(entry: Entry): string | undefined {
    try {
      kills.next(entry);
      return replay.next(entry);
    } catch {
      return 'it is not formed as entries of its kind are';
    }
  }

  let expected = 0;
  let lastAt = 0;
  let erased = 0;
  /** Rows that do not fit say little while the entries themselves do not. */
  let differences = state?.at === 0 ? state.compare({ replay, frontier, nodes, at: 0 }) : [];

  try {
    for await (const item of source.entries()) {
      if (item.seq !== expected) report(`entry ${expected} should stand here, not entry ${item.seq}`, expected);
      expected = item.seq + 1;
      const entry = readEntry(item, source.tenant, report);
      // The tree goes on over the leaf that is stored: a text that does not fit it has been named already.
      frontier.append(item.leaf, keep);
      if (sizes.has(frontier.size)) roots.set(frontier.size, frontier.root());
      if (!entry) continue;
      if (entry.at < lastAt) report(`entry ${item.seq} is older than the one before it`, item.seq);
      lastAt = Math.max(lastAt, entry.at);
      if (entry.erased) erased++;
      const refusal = decide(entry);
      if (refusal) report(`entry ${item.seq} (${entry.kind}) should have been refused: ${refusal}`, item.seq);
      if (state?.at === expected) differences = state.compare({ replay, frontier, nodes, at: lastAt });
    }
  } catch (error) {
    report(`the log cannot be read from entry ${expected} on: ${(error as Error).message}`, expected);
  }

  // What a file that was cut off lacks is one fault, however much of it had been signed.
  const cut = source.cut?.() ?? false;
  if (cut)
    report(expected === 0 ? 'it is cut off before its first entry' : `it is cut off after entry ${expected - 1}`);
  let sound = 0;
  for (const { size, note } of checkpoints) {
    if (cut && size > frontier.size) continue;
    if (await checkCheckpoint(size, note, roots.get(size), { source, origin, sound }, report)) sound = size;
  }
  if (kept !== undefined && keptSize !== undefined) {
    const root = keptSize === 0 ? emptyRoot() : roots.get(keptSize);
    await checkCheckpoint(keptSize, kept, root, { source, origin, sound: 0, kept: true }, report);
  }
  for (const what of source.problems()) report(what);
  if (problems.length === 0) problems.push(...differences.slice(0, MAX_PROBLEMS));
  return {
    tenant: source.tenant,
    ok: problems.length === 0,
    entries: frontier.size,
    checkpoints: checkpoints.length,
    erased,
    unsigned: Math.max(0, frontier.size - signed),
    root: Buffer.from(frontier.root()).toString('base64url'),
    kills: kills.records(),
    problems,
  };
}

type Report = (what: string, seq?: number) => void;

/** The entry behind the text, if leaf, text, columns and body agree; else every disagreement is reported. */
function readEntry(
  item: AuditEntry,
  tenant: string,
  report: Report,
): (Entry & { readonly erased: boolean }) | undefined {
  const { seq } = item;
  if (!equalBytes(leafHash(item.text), item.leaf)) {
    report(`entry ${seq} has been changed: its text does not hash to its leaf`, seq);
    return undefined;
  }
  const head = parseText(item.text);
  if (!head) {
    report(`entry ${seq} is not an entry of this log`, seq);
    return undefined;
  }
  if (head['seq'] !== seq || head['tenant'] !== tenant)
    report(`entry ${seq} says it is entry ${JSON.stringify(head['seq'])} of ${JSON.stringify(head['tenant'])}`, seq);
  for (const column of item.columns ? COLUMNS : []) {
    if (head[column] !== item.columns?.[column])
      report(`entry ${seq} is filed under another ${column} than it says`, seq);
  }
  const { body: commitment, ...rest } = head;
  const erased = checkBody(item, commitment, report) === 'erased';
  return { ...(rest as unknown as Entry), erased };
}

const COLUMNS = ['at', 'kind', 'task', 'n'] as const;
const VERSION = 'aip-entry-v1\n';

function parseText(text: string): JsonObject | undefined {
  if (!text.startsWith(VERSION)) return undefined;
  try {
    const head = parseJson(text.slice(VERSION.length), { maxBytes: 64 * 1024 * 1024 });
    return isJsonObject(head) ? head : undefined;
  } catch {
    return undefined;
  }
}

function checkBody({ seq, body, salt }: AuditEntry, commitment: unknown, report: Report): 'erased' | undefined {
  if (body === undefined && salt === undefined) return commitment === undefined ? undefined : 'erased';
  if (commitment === undefined) report(`entry ${seq} has content that it does not commit to`, seq);
  // Erasing drops both: with its salt alone, or without it, content has been lost or taken away.
  else if (body === undefined || salt?.length !== SALT_BYTES)
    report(`entry ${seq} has lost ${body === undefined ? 'its content' : 'the salt of its content'}`, seq);
  else if (Buffer.from(commit(salt, utf8Bytes(body))).toString('base64url') !== commitment)
    report(`entry ${seq} has been changed: its content does not fit its commitment`, seq);
  return undefined;
}

interface CheckpointContext {
  readonly source: LogSource;
  readonly origin: string;
  /** Entries below this number are covered by a checkpoint that fits. */
  readonly sound: number;
  /** It was kept elsewhere. */
  readonly kept?: boolean;
}

/** Whether the log has signed exactly these entries. */
async function checkCheckpoint(
  size: number,
  note: string,
  root: Uint8Array | undefined,
  { source, origin, sound, kept = false }: CheckpointContext,
  report: Report,
): Promise<boolean> {
  const last = size - 1;
  const which = `the checkpoint ${kept ? 'kept elsewhere ' : ''}at size ${size}`;
  try {
    const { checkpoint } = await verifyCheckpoint(
      note,
      { name: origin, publicKey: publicKeyOfDid(source.gateway) },
      origin,
    );
    if (checkpoint.size !== size)
      report(`the checkpoint filed at size ${size} is one of size ${checkpoint.size}`, last);
    else if (!root) report(`the log is shorter than ${which}`, last);
    else if (!equalBytes(root, checkpoint.root))
      report(`${which} signs another tree: an entry from ${sound} to ${last} is not the one signed`, last);
    else return true;
  } catch (error) {
    report(`${which} (entries up to ${last}) is not valid: ${(error as Error).message}`, last);
  }
  return false;
}
