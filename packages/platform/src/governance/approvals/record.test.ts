import { createHash } from 'node:crypto';
import { claim } from '@aip/conformance';
import { canonicalJson } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { argumentsHash } from '../../exchange/records.ts';
import { partsOf } from '../../kernel/body.ts';
import type { Message } from '../../kernel/message.ts';
import { everyByte, openTestCore, temporaryFolder, toolCall } from '../../main/testing.ts';
import { STARTER_FILE, STARTER_POLICY } from '../policy/index.ts';
import { asks, answer, parked } from './testing.ts';

describe('what stands in the log for ever', () => {
  test(`lets nobody guess the content that it is about, once that has been erased ${claim('G-APPROVE.blind')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    core.tool('read', { effect: 'read' });
    const alice = await core.service('alice', 'caller');
    // One of ten thousand numbers: easily tried out, if anything to try it on were left.
    const secret = { pin: '4711' };
    const { call, ask } = await parked(core, alice, secret);
    await answer(core, ask, 'approve');
    await call.ended;
    call.delivered(alice.principal);
    await parked(core, alice, secret);
    await core.exchange.send(alice, { ...toolCall('read', secret), idempotencyKey: 'key-1' });
    const { message } = call;
    const parts = partsOf(message!.body);
    const guesses = [
      { tenant: 'default', from: 'service:alice', to: message!.to, action: 'call', parts },
      { to: message!.to, action: 'call', parts },
      { to: 'tool:notes/read', action: 'call', parts },
    ].map((bound) => createHash('sha256').update(canonicalJson(bound)).digest('base64url'));
    const heads = core.entries().map(({ text }) => text);
    for (const guess of guesses) expect(heads.filter((text) => text.includes(guess))).toEqual([]);
    // The same call, twice: nothing shows that it is the same.
    const hashes = core.entries(['park']).map(({ head }) => head['argumentsHash']);
    expect(new Set(hashes).size).toBe(2);
    // Whoever has the message can verify what was approved.
    const [park] = core.entries(['park']);
    const kept = JSON.parse(core.exchange.journal.read.body(park!)!) as Message;
    expect(argumentsHash(kept)).toBe(park!.head['argumentsHash']);
    expect(core.entries(['accept']).find(({ task }) => task === call.taskId)?.head['argumentsHash']).toBe(
      park!.head['argumentsHash'],
    );
  });
});

describe('a call with secrets among its inputs', () => {
  const approved = {
    policies: {
      [STARTER_FILE]: STARTER_POLICY,
      'secrets.cedar':
        '@id("secrets-by-two") @approve("operators") permit (principal in Role::"operator", action == Action::"operate", resource == Operation::"secrets.set");',
    },
  };
  const set = {
    to: 'operation:secrets.set',
    action: 'operate',
    body: { type: 'data', value: { name: 'key', value: 'hunter2-hunter2' } },
  } as const;

  test('shows operators everything but them, and runs with them once approved', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, approved);
    const call = await core.exchange.send(await core.service('olga', 'operator'), set);
    const [ask] = await asks(core);
    expect(ask).toMatchObject({ arguments: { name: 'key' } });
    expect(JSON.stringify(ask)).not.toContain('hunter2');
    await answer(core, ask!.id, 'approve');
    expect(await call.ended).toMatchObject({ type: 'done' });
    expect(await core.core.vault.read('default', 'platform', 'key')).toBe('hunter2-hunter2');
  });

  test(`is over after a restart, and its caller is told to make it again ${claim('G-APPROVE.secrets')}`, async () => {
    using folder = temporaryFolder();
    let task: string;
    let ask: string;
    {
      await using core = await openTestCore(folder.path, approved);
      task = (await core.exchange.send(await core.service('olga', 'operator'), set)).taskId;
      ask = (await asks(core))[0]!.id;
    }
    expect(everyByte(folder.path)).not.toContain('hunter2');
    await using core = await openTestCore(folder.path);
    expect(await core.exchange.call('default', task)!.ended).toMatchObject({
      type: 'failed',
      state: 'failed',
      effect: 'none',
      error: {
        code: 'SECRETS_NOT_KEPT',
        retryable: true,
        message: expect.stringMatching(/secrets \(value\).*make the call again/),
      },
    });
    expect(await asks(core)).toEqual([]);
    await expect(answer(core, ask, 'approve')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await core.core.vault.read('default', 'platform', 'key')).toBeUndefined();
  });
});
