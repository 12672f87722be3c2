import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TaskState, type StreamResponse, type Task } from '@a2a-js/sdk';
import { claim } from '@aip/conformance';
import { generateKeyPair } from '@aip/wire';
import { afterEach, expect, it } from 'vitest';
import { text } from '../../kernel/body.ts';
import type { TaskHead } from '../../kernel/task.ts';
import { send, startGateway, taskIn, type Gateway } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'aip-a2a-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the process does when it starts: takes up every task that is still open. */
function recover({ exchange }: Gateway): void {
  for (const { value } of exchange.journal.read.open('default', 'task:'))
    exchange.recover('default', value as unknown as TaskHead);
}

it(`after a restart a client reads its ended task and follows its open one to the end ${claim('P-A2A.restart')}`, async () => {
  const { did } = generateKeyPair();
  const skill = { name: 'work', idempotent: true };

  let gateway = await startGateway({ folder });
  await gateway.agent(
    'worker',
    [skill],
    async function* (call) {
      yield { type: 'working', body: text('first part') };
      // The run that the restart interrupts never comes to an end.
      if (!JSON.stringify(call.message.body).includes('quick')) await new Promise(() => {});
      yield { type: 'done', body: text('at once') };
    },
    did,
  );
  const before = await gateway.client('worker');
  const ended = (await before.sendMessage(send('quick'))) as Task;
  const stream = before.sendMessageStream(send('slow'));
  const open = taskIn((await stream.next()).value as StreamResponse);
  expect(
    TaskState[
      ((await stream.next()).value as StreamResponse & { payload: { value: Task } }).payload.value.status!.state
    ],
  ).toBe('TASK_STATE_WORKING');
  void stream.return(undefined).catch(() => {});
  await gateway[Symbol.asyncDispose]();

  gateway = await startGateway({ folder });
  const { promise: followed, resolve: follow } = Promise.withResolvers<void>();
  await gateway.agent(
    'worker',
    [skill],
    async function* (call) {
      yield { type: 'working', body: text(`again from ${call.resumeFrom}`) };
      await followed;
      yield { type: 'done', body: text('finished') };
    },
    did,
  );
  recover(gateway);
  const after = await gateway.client('worker');
  expect(await after.getTask({ tenant: '', id: ended.id })).toEqual(ended);

  const seen: string[] = [];
  let first: Task | undefined;
  for await (const { payload } of after.resubscribeTask({ tenant: '', id: open.id })) {
    follow();
    if (payload?.$case === 'task') first = payload.value;
    if (payload?.$case === 'statusUpdate') seen.push(TaskState[payload.value.status!.state]);
  }
  expect(first?.history.map((message) => message.parts[0]?.content?.value)).toContain('first part');
  expect(seen.at(-1)).toBe('TASK_STATE_COMPLETED');
  const whole = await after.getTask({ tenant: '', id: open.id });
  expect(whole.history.map((message) => message.parts[0]?.content?.value)).toEqual([
    'slow',
    'first part',
    'again from 2',
  ]);
  expect(whole.artifacts[0]?.parts[0]?.content?.value).toBe('finished');
  await gateway[Symbol.asyncDispose]();
}, 20_000);

it('a blocking send ends with the platform, and its task goes on', async () => {
  await using gateway = await startGateway();
  const go = Promise.withResolvers<void>();
  await gateway.agent('worker', [{ name: 'work' }], async function* () {
    await go.promise;
    yield { type: 'done', body: text('finished') };
  });
  const asked = gateway.client('worker').then((client) => client.sendMessage(send('slow')));
  const refused = expect(asked).rejects.toThrow(/shutting down; task .* goes on when it is back/);
  await expect.poll(() => gateway.exchange.live.size).toBe(1);
  const [task] = gateway.exchange.live.keys();
  await gateway.exchange.drain(10);
  await refused;
  go.resolve();
  expect(await gateway.exchange.call('default', task!)?.ended).toMatchObject({ type: 'done' });
});
