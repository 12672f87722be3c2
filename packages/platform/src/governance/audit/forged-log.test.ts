import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import {
  encodeEntryHead,
  Frontier,
  generateKeyPair,
  leafHash,
  sign,
  signCheckpoint,
  type JsonObject,
  type KeyPair,
} from '@aip/wire';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openSqliteReader } from '../../engines/sqlite/reader.ts';
import { openSqliteStore } from '../../engines/sqlite/store.ts';
import { createWriter } from '../../journal/writer.ts';
import type { EntryDraft } from '../../kernel/entry.ts';
import { rounds } from '../../kernel/testing.ts';
import { DECIDERS } from '../../main/deciders.ts';
import { originOf } from '../../main/log-origin.ts';
import { exportLog, readExport, storedLog, verifyLog, type AuditReport } from './index.ts';

const key = generateKeyPair(new Uint8Array(32).fill(1));
const another = generateKeyPair(new Uint8Array(32).fill(2));
const NOON = Date.parse('2026-11-20T12:00:00Z');

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

interface Making {
  readonly signer?: KeyPair;
  readonly tenant?: string;
  /** A checkpoint after every so many groups. */
  readonly checkpointEvery?: number;
}

/** A log as a platform writes it that decides nothing: whoever has the key and the disk can make one. */
async function logOf(groups: readonly (readonly EntryDraft[])[], making: Making = {}) {
  const { signer = key, tenant = 't', checkpointEvery = groups.length } = making;
  const folder = mkdtempSync(path.join(tmpdir(), 'aip-forged-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'aip.db');
  const writer = await createWriter({
    store: openSqliteStore(file),
    deciders: [],
    now: () => NOON,
    signCheckpoint(_tenant, size, root) {
      const origin = originOf(signer.did, tenant);
      const signing = {
        name: origin,
        publicKey: signer.publicKey,
        sign: (m: Uint8Array) => sign(m, signer.privateKey),
      };
      return signCheckpoint({ origin, size, root }, signing);
    },
  });
  for (const [at, entries] of groups.entries()) {
    await writer.commit([{ tenant: 't', entries }]);
    if ((at + 1) % checkpointEvery === 0) await writer.checkpoint();
  }
  await writer.close();
  const reader = openSqliteReader(file);
  cleanups.push(() => reader.close());
  const source = () => storedLog(reader, 't', key.did);
  return { folder, file, source, verify: () => check(source()) };
}

/** A log in memory that consists of these texts, whatever they are, and is signed as it stands. */
function sourceOf(texts: readonly string[]) {
  const frontier = new Frontier();
  for (const text of texts) frontier.append(leafHash(text));
  const origin = originOf(key.did, 't');
  const signing = { name: origin, publicKey: key.publicKey, sign: (m: Uint8Array) => sign(m, key.privateKey) };
  const note = signCheckpoint({ origin, size: texts.length, root: frontier.root() }, signing);
  return {
    tenant: 't',
    gateway: key.did,
    checkpoints: [{ size: texts.length, note }],
    entries: () => texts.map((text, seq) => ({ seq, text, leaf: leafHash(text) })),
    problems: () => [],
  };
}

const check = (source: Parameters<typeof verifyLog>[0]): Promise<AuditReport> =>
  verifyLog(source, { deciders: DECIDERS, origin: originOf(key.did, 't') });

const verdictOn = async (...entries: EntryDraft[]) => (await logOf(entries.map((entry) => [entry]))).verify();

// ── entries, as the platform writes them ───────────────────────────────────────────────────────────────

const hold = { payer: 'service:a', payee: 'notes', amount: 3, day: '2026-11-20' };

function opening(kind: 'accept' | 'park' | 'signal', task: string, head = {}): EntryDraft {
  const common = {
    message: `message of ${task}`,
    from: 'service:a',
    fromName: 'a',
    to: 'tool:notes/write',
    action: 'call',
    edge: 'http',
    assignee: 'notes',
    scopes: ['global', 'agent:service:a', 'server:notes'],
    depth: 0,
    effect: 'write',
    idempotent: false,
    policies: [],
    ...(kind === 'park'
      ? { ask: { id: `ask of ${task}`, of: 'operators', kind: 'approval', body: {}, expires: NOON * 2 } }
      : {}),
    ...head,
  };
  return { kind, head: common, ...(kind === 'signal' ? {} : { task, n: 1 }), body: JSON.stringify({ of: task }) };
}
const accept = (task: string, head = {}) => opening('accept', task, head);
const event = (task: string, n: number): EntryDraft => ({
  kind: 'event',
  task,
  n,
  head: { type: 'working', state: 'working' },
  body: JSON.stringify({ type: 'working', task }),
});
const settle = (task: string, n: number, head = {}): EntryDraft => ({
  kind: 'settle',
  task,
  n,
  head: {
    type: 'done',
    state: 'completed',
    effect: 'applied',
    message: `message of ${task}`,
    assignee: 'notes',
    ...head,
  },
  body: JSON.stringify({ type: 'done', task }),
});
const kill = (scope: string): EntryDraft => ({
  kind: 'kill',
  head: { scope, mode: 'kill', reason: 'drill', by: 'admin', received_at: NOON - 2 },
});
const release = (scope: string): EntryDraft => ({ kind: 'release', head: { scope, reason: 'over', by: 'admin' } });
const budget = (limits: { total?: number; per_call?: number }): EntryDraft => ({
  kind: 'budget.set',
  head: { principal: 'service:a', by: 'admin', ...limits },
});

/** Some thousand honest entries, in groups as the exchange commits them. */
const honest = (tasks: number): EntryDraft[][] =>
  Array.from({ length: tasks }, (_, n) => `task-${n}`).flatMap((task) => [
    [accept(task)],
    [event(task, 2)],
    [event(task, 3)],
    [settle(task, 4)],
  ]);

describe(`a log that its own platform has forged ${claim('G-AUDIT.rules')}`, () => {
  it.each(['accept', 'park', 'signal'] as const)('is found out by a %s in a killed scope', async (kind) => {
    const report = await verdictOn(accept('t0'), kill('server:notes'), opening(kind, 't1'));
    expect(report.problems[0]).toMatchObject({ seq: 2, what: expect.stringContaining('should have been refused') });
    expect(report).toMatchObject({ ok: false, kills: [{ seq: 1, last_accept: { seq: 0, after_ms: 2 } }] });
  });

  it('is not accused of what a kill leaves alone: other scopes, control, what ends, and what follows a release', async () => {
    const report = await verdictOn(
      accept('t0'),
      kill('server:notes'),
      event('t0', 2),
      settle('t0', 3),
      accept('t1', { scopes: ['global', 'server:other'] }),
      accept('t2', { plane: 'control' }),
      release('server:notes'),
      accept('t3'),
      accept('t4', { plane: 'control' }),
      kill('global'),
    );
    expect(report).toMatchObject({ ok: true, problems: [] });
    expect(report.kills).toMatchObject([
      { scope: 'server:notes', released: 6, last_accept: { seq: 0 } },
      { scope: 'global', released: null, last_accept: { seq: 7 } },
    ]);
  });

  it.each<[string, EntryDraft[], number]>([
    ['a step after the end of its task', [accept('t0'), settle('t0', 2), event('t0', 3)], 2],
    ['a second end', [accept('t0'), settle('t0', 2), settle('t0', 3)], 2],
    ['a step that is left out', [accept('t0'), event('t0', 3)], 1],
    ['a step of a task that nobody has accepted', [event('t0', 2)], 0],
    ['a priced call without a budget', [accept('t0', { hold })], 0],
    ['a call beyond its budget', [budget({ total: 5 }), accept('t0', { hold }), accept('t1', { hold })], 2],
    ['a call at a price beyond its budget', [budget({ per_call: 2 }), accept('t0', { hold })], 1],
    ['half a unit', [budget({}), accept('t0', { hold: { ...hold, amount: 0.5 } })], 1],
    [
      'more captured than held',
      [budget({}), accept('t0', { hold }), settle('t0', 2, { hold: { ...hold, amount: 4 }, resolution: 'captured' })],
      2,
    ],
    [
      'a hold that is resolved twice',
      [
        budget({}),
        accept('t0', { hold }),
        settle('t0', 2, { hold, resolution: 'released' }),
        { kind: 'ledger.reconcile', head: { task: 't0', hold, resolution: 'captured', by: 'admin' } },
      ],
      3,
    ],
    ['a release of what was not stopped', [release('global')], 0],
  ])('is found out by %s', async (_what, entries, seq) => {
    const report = await verdictOn(...entries);
    expect(report.problems).toMatchObject([{ seq, what: expect.stringContaining('should have been refused') }]);
  });

  it('is found out by the signature of another key, and by the checkpoint of another log', async () => {
    for (const making of [{ signer: another }, { tenant: 'other' }]) {
      const report = await (await logOf(honest(2), making)).verify();
      expect(report.problems).toMatchObject([{ seq: 7, what: expect.stringContaining('is not valid') }]);
    }
  });

  it('is found out by what no writer writes', async () => {
    const honestHead = (seq: number) => ({ tenant: 't', seq, at: NOON + seq, kind: 'note', head: {} });
    const heads = [0, 1, 2, 3].map(honestHead);
    const text = (seq: number, from: JsonObject = {}) => encodeEntryHead({ ...honestHead(seq), ...from });
    expect(await check(sourceOf(heads.map(encodeEntryHead)))).toMatchObject({ ok: true, entries: 4, unsigned: 0 });
    const forgeries: [string, string][] = [
      [text(2, { at: NOON }), 'older than the one before it'],
      [text(2, { seq: 1 }), 'says it is entry 1'],
      [text(2, { tenant: 'other' }), 'of "other"'],
      [text(2).replace('aip-entry-v1', 'aip-entry-v2'), 'is not an entry of this log'],
      [text(2).replace('"head":{}', '"head":{"a":1,"a":2}'), 'is not an entry of this log'],
      ['aip-entry-v1\n[]', 'is not an entry of this log'],
      [text(2, { kind: 'accept' }), 'should have been refused'],
    ];
    for (const [forged, what] of forgeries) {
      const report = await check(sourceOf(heads.map(encodeEntryHead).with(2, forged)));
      expect(report.problems[0]).toMatchObject({ seq: 2, what: expect.stringContaining(what) });
    }
    const honest = sourceOf(heads.map(encodeEntryHead));
    const misfiled = { ...honest, checkpoints: honest.checkpoints.map(({ note }) => ({ size: 3, note })) };
    expect((await check(misfiled)).problems).toMatchObject([
      { seq: 2, what: expect.stringContaining('is one of size 4') },
    ]);
    const uncommitted = { ...honest, entries: () => [...honest.entries()].map((item) => ({ ...item, body: '"x"' })) };
    expect((await check(uncommitted)).problems[0]).toMatchObject({
      seq: 0,
      what: expect.stringContaining('does not commit'),
    });
  });

  it('cannot be changed by who has the disk but not the key: text and leaf that fit each other are not enough', async () => {
    const log = await logOf(honest(8), { checkpointEvery: 10 });
    const db = new DatabaseSync(log.file);
    const { id, text } = db
      .prepare("SELECT id, text FROM entry WHERE text LIKE '%task-4%' AND kind = 'event' LIMIT 1")
      .get() as { id: number; text: string };
    const changed = text.replace('working', 'sleeping');
    db.prepare('UPDATE entry SET text = ?, leaf = ? WHERE id = ?').run(changed, leafHash(changed), id);
    db.close();
    const { problems } = await log.verify();
    expect(problems[0]).toMatchObject({ seq: 19, what: expect.stringContaining('an entry from 10 to 19') });
  });
});

describe(`an honest log ${claim('G-AUDIT.verify')}`, () => {
  it('of thousands of entries passes, in the folder and as an export, also while checkpoints are missing', async () => {
    const log = await logOf(honest(1_000), { checkpointEvery: 37 });
    expect(await log.verify()).toMatchObject({ ok: true, entries: 4_000, checkpoints: 109, unsigned: 0, problems: [] });
    const file = path.join(log.folder, 'log.jsonl');
    expect(exportLog(log.source(), file, NOON)).toBe(4_000);
    expect(await check(await readExport(file))).toMatchObject({ ok: true, entries: 4_000, checkpoints: 109 });
    const db = new DatabaseSync(log.file);
    db.exec('DELETE FROM checkpoint WHERE size > 3900');
    db.close();
    expect(await log.verify()).toMatchObject({ ok: true, unsigned: 115 });
  });
});

describe(`an export ${claim('G-AUDIT.export')}`, () => {
  /** An export in memory, and the verdict on whatever has become of it. */
  async function exported(entries: EntryDraft[][]) {
    const log = await logOf(entries, { checkpointEvery: 5 });
    const file = path.join(log.folder, 'log.jsonl');
    exportLog(log.source(), file, NOON);
    const lines = readFileSync(file, 'utf8').split(/(?<=\n)/);
    async function verdict(content: string | Uint8Array): Promise<Pick<AuditReport, 'ok' | 'problems'>> {
      const changed = path.join(log.folder, `${randomUUID()}.jsonl`);
      writeFileSync(changed, content);
      try {
        return await check(await readExport(changed));
      } catch (error) {
        return { ok: false, problems: [{ what: (error as Error).message }] };
      } finally {
        rmSync(changed);
      }
    }
    return { lines, verdict, seqOf: (line: string) => (JSON.parse(line) as { seq?: number }).seq };
  }

  /** What somebody does who changes an export and knows its format: the last line fits again. */
  function refit(lines: readonly string[]): string {
    const kept = lines.filter((line) => !line.startsWith('{"end"')).join('');
    const entries = kept.split('\n').filter((line) => line.startsWith('{"seq"')).length;
    const sha256 = createHash('sha256').update(kept).digest('base64url');
    return `${kept}${JSON.stringify({ end: { entries, sha256 } })}\n`;
  }

  it('fails when any byte of it is any other byte', async () => {
    const { lines, verdict } = await exported(honest(3));
    const original = Buffer.from(lines.join(''));
    const change = fc.record({ at: fc.nat({ max: original.length - 1 }), by: fc.integer({ min: 1, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, by }) => {
        const changed = Uint8Array.from(original);
        changed[at] = (changed[at] as number) ^ by;
        expect((await verdict(changed)).ok).toBe(false);
      }),
      {
        numRuns: rounds(300),
        examples: [[{ at: original.length - 1, by: 0x0a ^ 0x20 }], [{ at: original.indexOf(10), by: 0x0a ^ 0x0d }]],
      },
    );
  }, 60_000);

  it('fails and names the entry, also when the last line has been made to fit the change', async () => {
    const { lines, verdict, seqOf } = await exported(honest(3));
    const entryLines = lines.flatMap((line, at) => (line.startsWith('{"seq"') ? [at] : []));
    const change = fc.record({
      line: fc.constantFrom(...entryLines),
      at: fc.nat(),
      by: fc.integer({ min: 1, max: 127 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ line, at, by }) => {
        const bytes = Buffer.from(lines[line] as string);
        const place = at % (bytes.length - 1);
        bytes[place] = (bytes[place] as number) ^ by;
        fc.pre(bytes[place] !== 0x0a);
        const { ok, problems } = await verdict(refit(lines.with(line, bytes.toString())));
        expect(ok).toBe(false);
        expect(problems.map(({ seq }) => seq)).toContain(seqOf(lines[line] as string));
      }),
      { numRuns: rounds(200) },
    );
  }, 60_000);

  it('fails when it is cut off anywhere', async () => {
    const { lines, verdict } = await exported(honest(2));
    const whole = lines.join('');
    for (let end = 0; end < whole.length; end += 7) expect((await verdict(whole.slice(0, end))).ok).toBe(false);
    for (let count = 0; count < lines.length; count++)
      expect((await verdict(lines.slice(0, count).join(''))).ok).toBe(false);
  });

  it('fails when entries are left out, doubled or change places, though its last line fits', async () => {
    const { lines, verdict, seqOf } = await exported(honest(2));
    const first = lines.findIndex((line) => seqOf(line) === 0);
    const at = first + 2;
    const [two, three] = lines.slice(at, at + 2) as [string, string];
    expect((await verdict(refit(lines.toSpliced(at, 1)))).problems[0]).toMatchObject({ seq: 2 });
    expect((await verdict(refit(lines.toSpliced(at, 1, two, two)))).problems[0]).toMatchObject({ seq: 3 });
    expect((await verdict(refit(lines.toSpliced(at, 2, three, two)))).problems[0]).toMatchObject({ seq: 2 });
    expect((await verdict(refit(lines.slice(0, -3)))).ok).toBe(false);
    expect(await verdict(refit(lines))).toMatchObject({ ok: true });
  });

  it('holds any text: what other programs take for the end of a line is not one', async () => {
    const text = 'a\u2028b\u2029c\r\nd\u0085e\u0000f\ud83d\ude00';
    const { lines, verdict } = await exported([
      [{ kind: 'note', head: { text }, body: JSON.stringify(text) }],
      ...honest(1),
    ]);
    expect(await verdict(lines.join(''))).toMatchObject({ ok: true, problems: [] });
  });

  it('is refused when it is something else', async () => {
    const { verdict } = await exported(honest(1));
    for (const content of ['', '\n', '{}', 'log', '{"format":"other"}\n', '\ufeff{"format":"aip-log-v1"}\n'])
      expect((await verdict(content)).problems[0]?.what).toContain('is not an export of an AIP log');
  });
});
