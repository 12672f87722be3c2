import { claim } from '@aip/conformance';
import { generateKeyPair, type IoapFrame } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../platform/src/edges/ioap/testing.ts';
import type { ClientStatus, GatewayClientOptions, RequestFrame } from './client-types.ts';
import { GatewayClient } from './gateway-client.ts';

let gateway: TestGateway;
const clients: GatewayClient[] = [];

beforeEach(async () => {
  gateway = await startTestGateway({ limits: { heartbeat: 10_000 } });
});
afterEach(async () => {
  for (const made of clients.splice(0)) await made.disconnect();
  await gateway[Symbol.asyncDispose]();
});

const backoff = { min: 20, max: 50 };

async function client(name: string, options: GatewayClientOptions = {}): Promise<GatewayClient> {
  const made = new GatewayClient({ url: gateway.url, backoff, ...options });
  clients.push(made);
  await made.connect();
  await made.register({ name, capabilities: [{ name: `${name}-skill`, idempotent: true }] });
  return made;
}

const nextFrame = (of: GatewayClient): Promise<IoapFrame> =>
  new Promise((resolve) => {
    const stop = of.onMessage((frame) => {
      stop();
      resolve(frame);
    });
  });
const nextStatus = (of: GatewayClient, state: ClientStatus['state']): Promise<ClientStatus> =>
  new Promise((resolve) => {
    const stop = of.onStatus((status) => {
      if (status.state !== state) return;
      stop();
      resolve(status);
    });
  });

describe(`GatewayClient ${claim('P-IOAP.client')}`, () => {
  it('connects, registers, and exchanges OFFER, ANSWER and ICE_CANDIDATE', async () => {
    const alice = await client('alice');
    const bob = await client('bob');
    expect(alice.gatewayDid).toBe(gateway.did);
    bob.on('OFFER', (offer) => void bob.sendAnswer(offer.from, { sdp: `re ${offer.payload.sdp}` }, offer.id));
    const answer = nextFrame(alice);
    const id = await alice.sendOffer(bob.did, { sdp: 'v=0' });
    expect(await answer).toMatchObject({
      type: 'ANSWER',
      from: bob.did,
      correlation_id: id,
      payload: { sdp: 're v=0' },
    });
    const candidate = nextFrame(bob);
    await alice.sendIceCandidate(bob.did, { candidate: 'candidate:1', sdp_mid: '0', sdp_mline_index: 0 });
    expect(await candidate).toMatchObject({ type: 'ICE_CANDIDATE', payload: { candidate: 'candidate:1' } });
    await alice.ping();
  });

  it('asks and answers', async () => {
    const alice = await client('alice');
    const bob = await client('bob');
    bob.on(
      'EXEC_REQUEST',
      (request) =>
        void bob.respond(request, { status: 'success', result: { got: request.payload.args }, execution_time_ms: 1 }),
    );
    bob.on(
      'INTENT',
      (request) =>
        void bob.respond(request, {
          status: 'error',
          error: { code: 'NOT_FOUND', message: 'no idea' },
          execution_time_ms: 1,
        }),
    );
    expect(await alice.sendExecRequest(bob.did, { capability: 'bob-skill', args: { n: 1 } })).toEqual({
      got: { n: 1 },
    });
    await expect(alice.sendIntent(bob.did, { query: 'hello' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'no idea',
    });
    await expect(alice.sendExecRequest(generateKeyPair().did, { args: {} })).rejects.toMatchObject({
      code: 'UNKNOWN_AGENT',
    });
  });

  it('gets pieces, and cancels', async () => {
    const alice = await client('alice');
    const bob = await client('bob');
    const canceled: (string | null | undefined)[] = [];
    const requests: RequestFrame[] = [];
    bob.on('EXEC_REQUEST', (request) => {
      requests.push(request);
      void bob.respond(request, { status: 'partial', seq: 0, result: 'a piece', execution_time_ms: 1 });
    });
    bob.on('ERROR', (error) => {
      canceled.push(error.correlation_id);
      void bob.respond(requests[0]!, {
        status: 'error',
        error: { code: 'CANCELED', message: 'stopped' },
        execution_time_ms: 1,
      });
    });
    const pieces: unknown[] = [];
    const controller = new AbortController();
    const onPartial = (piece: unknown, kind: string): void => {
      pieces.push([piece, kind]);
      controller.abort();
    };
    await expect(
      alice.sendExecRequest(bob.did, { args: {} }, { onPartial, signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'CANCELED' });
    expect(pieces).toEqual([['a piece', 'output']]);
    expect(canceled).toEqual([requests[0]?.id]);
  });

  it('takes an answer only from whom it asked', async () => {
    const alice = await client('alice');
    const bob = await client('bob');
    const carol = await client('carol');
    const asked = new Promise<RequestFrame>((resolve) => void bob.on('EXEC_REQUEST', resolve));
    const refused = nextFrame(carol);
    const answer = alice.sendExecRequest(bob.did, { args: {} });
    const request = await asked;
    await carol.respond(request, { status: 'success', result: 'mine', execution_time_ms: 1 });
    expect(await refused).toMatchObject({ type: 'ERROR', payload: { code: 'POLICY_DENIED' } });
    await bob.respond(request, { status: 'success', result: 'right', execution_time_ms: 1 });
    expect(await answer).toBe('right');
  });

  it('reconnects, registers again, and puts its open requests again without repeating anything', async () => {
    const alice = await client('alice');
    const bob = await client('bob');
    const requests: RequestFrame[] = [];
    bob.on('EXEC_REQUEST', (request) => void requests.push(request));
    const pieces: unknown[] = [];
    const answer = alice.sendExecRequest(
      'capability:bob-skill',
      { args: {} },
      { onPartial: (piece) => void pieces.push(piece) },
    );
    await expect.poll(() => requests.length).toBe(1);
    await bob.respond(requests[0]!, { status: 'partial', seq: 0, result: { n: 1 }, execution_time_ms: 1 });
    await expect.poll(() => pieces.length).toBe(1);
    const [lost, back] = [nextStatus(alice, 'lost'), nextStatus(alice, 'registered')];
    // RESUME_FAILED is no reason to stay away.
    for (const session of gateway.exchange.sessions.all())
      if (session.principal.id === alice.did) session.close('RESUME_FAILED', 'cut');
    expect(await lost).toMatchObject({ error: { code: 'RESUME_FAILED' } });
    await back;
    await bob.respond(requests[0]!, { status: 'partial', seq: 1, result: { n: 2 }, execution_time_ms: 1 });
    await bob.respond(requests[0]!, { status: 'success', result: 'once', execution_time_ms: 1 });
    expect(await answer).toBe('once');
    expect(pieces).toEqual([{ n: 1 }, { n: 2 }]);
    expect(requests).toHaveLength(1);
  });

  it('keeps trying while the gateway is away, and comes back to another one at the same address', async () => {
    const alice = await client('alice');
    const { port } = gateway;
    const lost = nextStatus(alice, 'lost');
    await gateway[Symbol.asyncDispose]();
    await lost;
    await nextStatus(alice, 'lost');
    const back = nextStatus(alice, 'registered');
    gateway = await startTestGateway({ port });
    await back;
    expect(alice.gatewayDid).toBe(gateway.did);
    await alice.ping();
  });

  it('is patient after a reconnect with those who have not come back yet', async () => {
    const alice = await client('alice');
    const bob = await client('bob', { backoff: { min: 600, max: 600 } });
    bob.on(
      'EXEC_REQUEST',
      (request) => void bob.respond(request, { status: 'success', result: 'back', execution_time_ms: 1 }),
    );
    const back = nextStatus(alice, 'registered');
    for (const session of gateway.exchange.sessions.all()) session.close('RESUME_FAILED', 'cut');
    await back;
    expect(await alice.sendExecRequest(bob.did, { args: {} })).toBe('back');
  });

  it('does not wait for whoever is away otherwise, unless told to', async () => {
    const alice = await client('alice');
    const bob = await client('bob');
    bob.on(
      'EXEC_REQUEST',
      (request) => void bob.respond(request, { status: 'success', result: 'here', execution_time_ms: 1 }),
    );
    await bob.disconnect();
    await expect(alice.sendExecRequest(bob.did, { args: {} })).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
    const asked = alice.sendExecRequest(bob.did, { args: {} }, { patienceMs: 5_000 });
    const controller = new AbortController();
    const given = alice.sendExecRequest(bob.did, { args: {} }, { patienceMs: 5_000, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(given).rejects.toMatchObject({ code: 'CANCELED' });
    await bob.connect();
    await bob.register({ name: 'bob' });
    expect(await asked).toBe('here');
  });

  it('does not fight over its place: replaced by a newer connection, it stays away', async () => {
    const alice = await client('alice');
    const ended = nextStatus(alice, 'closed');
    const open = alice.sendExecRequest(gateway.did, { capability: 'alice-skill', args: {} });
    await client('alice', { key: alice.key });
    expect(await ended).toMatchObject({ error: { code: 'SESSION_REPLACED' } });
    await expect(open).rejects.toMatchObject({ code: 'SESSION_REPLACED' });
  });

  it('is disposed of with its scope', async () => {
    {
      await using alice = new GatewayClient({ url: gateway.url });
      await alice.connect();
      await alice.register();
    }
    expect(gateway.exchange.sessions.size).toBe(0);
  });

  it('says which gateway does not answer, and what a refused registration lacks', async () => {
    const nowhere = new GatewayClient({ url: 'ws://127.0.0.1:1/ws' });
    await expect(nowhere.connect()).rejects.toMatchObject({
      code: 'AGENT_UNAVAILABLE',
      message: expect.stringMatching(/http:\/\/127\.0\.0\.1:1\/health.*AIP_GATEWAY_URL/) as string,
    });
    const wrong = new GatewayClient({ url: gateway.url, gatewayDid: generateKeyPair().did });
    await wrong.connect();
    // Whoever answers there is not the gateway meant, so only the close tells.
    await expect(wrong.register()).rejects.toMatchObject({
      code: 'AGENT_UNAVAILABLE',
      message: expect.stringContaining('4401') as string,
    });
    await wrong.disconnect();
  });

  it('drops frames that nobody can have signed, and says so', async () => {
    const alice = await client('alice');
    const rejected = nextStatus(alice, 'rejected-frame');
    const heard: string[] = [];
    alice.onMessage(({ type }) => void heard.push(type));
    const bob = await client('bob');
    // A gateway that changes what it forwards.
    gateway.exchange.routes.bind(alice.did, {
      reach: 'session',
      deliver: (() => {
        const route = gateway.exchange.routes.get(alice.did)!;
        return (call: Parameters<typeof route.deliver>[0]) =>
          route.deliver({ ...call, message: { ...call.message, signed: call.message.signed!.replace('v=0', 'v=1') } });
      })(),
    });
    await bob.sendOffer(alice.did, { sdp: 'v=0' });
    expect(await rejected).toMatchObject({ error: { code: 'INVALID_SIGNATURE' } });
    expect(heard).toEqual([]);
  });
});
