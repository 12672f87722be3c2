import type { IoapFrame, IoapPayloads, Json } from '@aip/wire';
import { afterEach, beforeEach } from 'vitest';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Guard } from '../../kernel/guard.ts';
import type { RouteEvent } from '../../kernel/task.ts';
import type { RequestFrame } from './targets.ts';
import { openPeer, startTestGateway, type Peer, type TestGateway } from './testing.ts';

/** Of the test that is running; its file has called {@link useTwoAgents}. */
export let gateway: TestGateway;
export let alice: Peer;
/** Has the skills `echo` and `look`. */
export let bob: Peer;

interface Governing {
  /** Every request waits for an approval. */
  readonly asks?: boolean;
  /** What becomes of every event. */
  readonly rewrite?: (event: RouteEvent) => RouteEvent;
}

let governing: Governing = {};

/** How calls are governed for the rest of the test. */
export function govern(how: Governing): void {
  governing = how;
}

const approve: Guard = {
  name: 'approve',
  admit: ({ message, approval }) =>
    governing.asks === true && message.action !== 'operate' && !approval
      ? { verdict: 'ask', kind: 'approval', body: { why: 'test' }, expires: Date.now() + 60_000 }
      : { verdict: 'pass' },
  inspect: (_crossing, event) =>
    governing.rewrite ? { verdict: 'replace', event: governing.rewrite(event) } : { verdict: 'pass' },
};

/** A gateway for each test of a file, with two agents. */
export function useTwoAgents(): void {
  beforeEach(async () => {
    govern({});
    gateway = await startTestGateway({ slots: { approve } });
    alice = await openPeer(gateway);
    bob = await openPeer(gateway);
    await alice.register({ name: 'alice' });
    await bob.register({
      name: 'bob',
      capabilities: [
        { name: 'echo', idempotent: true },
        { name: 'look', effect: 'read' },
      ],
    });
  });
  afterEach(() => gateway[Symbol.asyncDispose]());
}

export const request = async (peer: Peer): Promise<RequestFrame> =>
  (await peer.next(({ type }) => type === 'EXEC_REQUEST' || type === 'INTENT')).frame as RequestFrame;
export const respond = (
  peer: Peer,
  to: IoapFrame,
  payload: Partial<IoapPayloads['EXEC_RESPONSE']> & { kind?: string; effect?: string },
): { id: string; raw: string } =>
  peer.say(
    'EXEC_RESPONSE',
    to.from,
    { status: 'success', execution_time_ms: 1, ...payload },
    { correlation_id: to.id },
  );
export const resultOf = (frame: IoapFrame): Json | undefined =>
  frame.type === 'EXEC_RESPONSE' ? frame.payload.result : undefined;
export const codeOf = (frame: IoapFrame): string | undefined =>
  frame.type === 'ERROR' ? frame.payload.code : frame.type === 'EXEC_RESPONSE' ? frame.payload.error?.code : undefined;

export const TOOL: CatalogueEntry = {
  address: 'tool:files/read',
  kind: 'tool',
  name: 'read',
  owner: 'files',
  ownerName: 'files',
  description: '',
  effect: 'read',
  idempotent: true,
  price: 0,
  state: 'active',
};
