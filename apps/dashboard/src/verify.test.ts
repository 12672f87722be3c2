import type { JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import type { AuditHead } from './api.ts';
import { createFixtureLog, type FixtureLog } from './fixture-log.testing.ts';
import { verifyEntry, verifyLog, type AuditSource } from './verify.ts';

/** Longer than two of the pages that the log is read in. */
const SIZE = 613;

function filledLog(size = SIZE): FixtureLog {
  const log = createFixtureLog();
  for (let n = 0; n < size; n++)
    log.append('accept', { message: `m${n}`, scopes: ['global', 'agent:did:key:a'] }, `t${n}`);
  return log;
}

const source = (log: FixtureLog, head: Partial<AuditHead> = {}): AuditSource => ({
  auditHead: async () => ({ ...log.head(), ...head }),
  auditEntries: async (from, limit) => log.page(from, limit),
});

const verify = (of: AuditSource) => verifyLog(of, () => {}, new AbortController().signal);

describe('the whole log', () => {
  test('an honest log is intact, and progress is told', async () => {
    const log = filledLog();
    const progress: number[] = [];
    const result = await verifyLog(
      source(log),
      (done, size) => progress.push(done / size),
      new AbortController().signal,
    );
    expect(result).toEqual({ ok: true, signed: SIZE, unsigned: 0, stops: 0, gateway: log.gateway });
    expect(progress.at(-1)).toBe(1);
    expect(progress.length).toBeGreaterThan(2);
  });

  test('an empty log is intact', async () => {
    expect(await verify(source(createFixtureLog()))).toMatchObject({ ok: true, signed: 0 });
  });

  test('entries newer than the checkpoint are recomputed too', async () => {
    const log = filledLog();
    const checkpoint = log.head().checkpoint!;
    log.append('deny', { code: 'POLICY_DENIED' });
    expect(await verify(source(log, { checkpoint }))).toMatchObject({ ok: true, signed: SIZE, unsigned: 1 });
    log.tamper(SIZE, (text) => text.replace('POLICY_DENIED', 'POLICY_DENIES'));
    expect(await verify(source(log, { checkpoint }))).toMatchObject({ ok: false, seq: SIZE });
  });

  test.each([0, 300, SIZE - 1])('one changed byte in entry %i is found and named', async (seq) => {
    const log = filledLog();
    log.tamper(seq, (text) => text.replace(`"m${seq}"`, `"n${seq}"`));
    expect(await verify(source(log))).toEqual({
      ok: false,
      seq,
      finding: `Entry ${seq} was changed: its text does not hash to its leaf.`,
    });
  });

  test('a change that is hidden in its leaf breaks the signed root', async () => {
    const log = filledLog();
    log.tamper(300, (text) => text.replace('"m300"', '"n300"'), true);
    const result = await verify(source(log));
    expect(result).toMatchObject({ ok: false, finding: expect.stringContaining('root that the gateway has signed') });
  });

  test('a removed entry is named', async () => {
    const log = filledLog();
    const holed: AuditSource = {
      ...source(log),
      auditEntries: async (from, limit) => log.page(from, limit).filter(({ seq }) => seq !== 42),
    };
    expect(await verify(holed)).toMatchObject({ ok: false, seq: 42 });
  });

  test('a log cut off behind its checkpoint is refused', async () => {
    expect(await verify(source(filledLog(), { size: SIZE - 1 }))).toMatchObject({
      ok: false,
      finding: expect.stringContaining('entries were removed'),
    });
  });

  test('entries in each other’s place are refused, even with their own leaves', async () => {
    const log = filledLog();
    const swapped: AuditSource = {
      ...source(log),
      auditEntries: async (from, limit) =>
        log.page(from, limit).map((entry) => (entry.seq === 7 ? { ...log.page(8, 1)[0]!, seq: 7 } : entry)),
    };
    expect(await verify(swapped)).toMatchObject({
      ok: false,
      seq: 7,
      finding: expect.stringContaining('says of itself'),
    });
  });

  test('a checkpoint of another key or another log is refused', async () => {
    const log = filledLog();
    const stranger = filledLog();
    expect(await verify(source(log, { checkpoint: stranger.head().checkpoint! }))).toMatchObject({
      ok: false,
      finding: expect.stringContaining('checkpoint does not hold'),
    });
    expect(await verify(source(log, { origin: 'aip/elsewhere' }))).toMatchObject({ ok: false });
    const { checkpoint: _none, ...unsigned } = log.head();
    const unsignedSource = { ...source(log), auditHead: async () => unsigned };
    expect(await verify(unsignedSource)).toMatchObject({ ok: false, finding: expect.stringContaining('not signed') });
  });

  test('can be called off', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(verifyLog(source(filledLog()), () => {}, controller.signal)).rejects.toThrow();
  });
});

describe('nothing is accepted under a stop', () => {
  const SCOPE = 'agent:did:key:a';
  const accept = (plane?: string): [string, JsonObject] => [
    'accept',
    { scopes: ['global', SCOPE], ...(plane === undefined ? {} : { plane }) },
  ];
  const kill = (scope: string): [string, JsonObject] => ['kill', { scope }];

  function logOf(...entries: [string, JsonObject][]): FixtureLog {
    const log = createFixtureLog();
    for (const [kind, head] of entries) log.append(kind, head);
    return log;
  }

  test('an accept after the kill of its scope is named, however well it is signed', async () => {
    const log = logOf(accept(), kill(SCOPE), ['deny', { scopes: [SCOPE] }], accept());
    expect(await verify(source(log))).toEqual({
      ok: false,
      seq: 3,
      finding: `Entry 3 was accepted under ${SCOPE}, which entry 1 had stopped.`,
    });
  });

  test.each(['park', 'signal'])('so is a %s', async (kind) => {
    expect(await verify(source(logOf(kill('global'), [kind, { scopes: ['global'] }])))).toMatchObject({
      ok: false,
      seq: 1,
    });
  });

  test('a release ends the stop; other scopes and the control plane never stood under it', async () => {
    const log = logOf(
      kill(SCOPE),
      accept('control'),
      ['accept', { scopes: ['agent:did:key:b'] }],
      ['release', { scope: SCOPE }],
      accept(),
      kill('global'),
    );
    expect(await verify(source(log))).toMatchObject({ ok: true, stops: 2 });
  });
});

describe('one entry', () => {
  test('is proved to be in the signed log', async () => {
    const log = filledLog(100);
    expect(await verifyEntry(log.page(41, 1)[0]!, log.proof(41), log.head())).toMatchObject({
      ok: true,
      signed: 100,
    });
  });

  test('is refused with another text, or the proof of another entry', async () => {
    const log = filledLog(100);
    expect(await verifyEntry(log.page(41, 1)[0]!, log.proof(42), log.head())).toMatchObject({ ok: false, seq: 41 });
    const proof = log.proof(41);
    log.tamper(41, (text) => text.replace('"m41"', '"n41"'), true);
    expect(await verifyEntry(log.page(41, 1)[0]!, proof, log.head())).toMatchObject({
      ok: false,
      finding: expect.stringContaining('not in the tree'),
    });
  });
});
