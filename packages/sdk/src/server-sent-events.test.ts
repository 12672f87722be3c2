import { expect, it } from 'vitest';
import { readServerSentEvents } from './server-sent-events.ts';

const stream = (...chunks: string[]): ReadableStream<Uint8Array> =>
  new Blob(chunks.map((chunk) => chunk)).stream() as ReadableStream<Uint8Array>;
const bytewise = (text: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const byte of new TextEncoder().encode(text)) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });

it('reads events with their id, type and all their lines of data', async () => {
  const events = await Array.fromAsync(
    readServerSentEvents(stream('retry: 1\n\n: comment\n\nevent: a\nid: 7\ndata: one\ndata:two\n\ndata\n\nid: 8\n\n')),
  );
  expect(events).toEqual([
    { event: 'a', id: '7', data: 'one\ntwo' },
    { event: 'message', id: undefined, data: '' },
  ]);
});

it.each(['\n', '\r\n', '\r'])('takes %j as the end of a line, wherever the bytes are cut', async (end) => {
  const events = await Array.fromAsync(
    readServerSentEvents(bytewise(['event: ä', 'data: {"x": "é"}', '', 'data: 2', '', ': end', '', ''].join(end))),
  );
  expect(events).toEqual([
    { event: 'ä', id: undefined, data: '{"x": "é"}' },
    { event: 'message', id: undefined, data: '2' },
  ]);
});

it('gives up on an event without end', async () => {
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024).fill(120)),
  });
  await expect(Array.fromAsync(readServerSentEvents(endless))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
});

it('counts the lines of one event together', async () => {
  const line = new TextEncoder().encode(`data: ${'x'.repeat(1024 * 1024)}\n`);
  const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(line) });
  await expect(Array.fromAsync(readServerSentEvents(endless))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
});
