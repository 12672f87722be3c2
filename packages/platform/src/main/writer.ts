import { parentPort, workerData } from 'node:worker_threads';
import { importSeed, sign, signCheckpoint } from '@aip/wire';
import { openSqliteStore } from '../engines/sqlite/store.ts';
import { createWriter, type Committed } from '../journal/writer.ts';
import type { Group } from '../kernel/entry.ts';
import { DECIDERS } from './deciders.ts';
import { originOf } from './log-origin.ts';

/**
 * Composition root of the journal's worker thread: the one writer, so that the event loop never waits for a
 * disk. It answers batches in order and signs a checkpoint every second that the log has grown.
 */
export interface WriterData {
  readonly file: string;
  readonly gatewaySeed: string;
}

/** Groups travel as JSON text: it costs half of what cloning the objects does. */
export type WriterRequest = { readonly groups: string } | { readonly close: true };
export type WriterReply = { readonly ready: true } | { readonly committed: Committed } | { readonly closed: true };

const CHECKPOINT_INTERVAL = 1_000;
const SWEEP_INTERVAL = 60_000;

if (parentPort) await serve(parentPort, workerData as WriterData);

async function serve(port: NonNullable<typeof parentPort>, { file, gatewaySeed }: WriterData): Promise<void> {
  const key = importSeed(gatewaySeed);
  const writer = await createWriter({
    store: openSqliteStore(file),
    deciders: DECIDERS,
    now: () => Date.now(),
    signCheckpoint(tenant, size, root) {
      const origin = originOf(key.did, tenant);
      return signCheckpoint(
        { origin, size, root },
        { name: origin, publicKey: key.publicKey, sign: (message) => sign(message, key.privateKey) },
      );
    },
  });
  // A checkpoint that cannot be written now is written with the next one: the log itself is what counts.
  const timers = [
    setInterval(() => void writer.checkpoint().catch(() => {}), CHECKPOINT_INTERVAL),
    setInterval(() => void writer.sweep().catch(() => {}), SWEEP_INTERVAL),
  ];
  port.on('message', (request: WriterRequest) => {
    void ('close' in request
      ? close()
      : writer
          .commit(JSON.parse(request.groups) as Group[])
          .then((committed) => port.postMessage({ committed } satisfies WriterReply)));
  });

  async function close(): Promise<void> {
    for (const timer of timers) clearInterval(timer);
    await writer.close();
    port.postMessage({ closed: true } satisfies WriterReply);
    port.close();
  }

  port.postMessage({ ready: true } satisfies WriterReply);
}
