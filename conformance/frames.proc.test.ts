import { randomUUID } from 'node:crypto';
import { claim } from '@aip/conformance';
import { generateKeyPair, IOAP_MAX_FRAME_BYTES, type IoapFrame } from '@aip/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeer, type Peer } from '../packages/platform/src/edges/ioap/testing.ts';
import { startAgentProcess, type AgentProcess } from './fixtures/agent-process.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

/** Two SDK agents in processes of their own, and a peer that gets it wrong. */
let platform: PlatformProcess;
let alice: AgentProcess;
let bob: AgentProcess;

beforeAll(async () => {
  platform = await startPlatformProcess();
  [alice, bob] = await Promise.all([
    startAgentProcess(platform, { alice: ['work'] }),
    startAgentProcess(platform, { bob: ['work', 'pieces'] }),
  ]);
  for (const [from, to] of [
    ['alice', 'bob'],
    ['bob', 'alice'],
  ] as const) {
    await platform.admin.operate('policies.connect', { from, to, protocol: 'ioap' });
  }
});
afterAll(async () => {
  await alice?.[Symbol.asyncDispose]();
  await bob?.[Symbol.asyncDispose]();
  await platform?.[Symbol.asyncDispose]();
});

const didOf = (agents: AgentProcess, name: string): string => agents.dids[name] as string;
const SDP = 'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\n';

describe(`two agents in separate processes ${claim('P-IOAP.types')}`, () => {
  it('exchange OFFER, ANSWER and ICE_CANDIDATE', async () => {
    const [a, b] = [didOf(alice, 'alice'), didOf(bob, 'bob')];
    const offerId = await alice.tell('alice', { do: 'signal', type: 'OFFER', to: b, payload: { sdp: SDP } });
    const offer = await bob.frame('bob', (frame) => frame.type === 'OFFER');
    expect(offer).toMatchObject({ id: offerId, from: a, to: b, payload: { sdp: SDP } });
    await bob.tell('bob', {
      do: 'signal',
      type: 'ANSWER',
      to: offer.from,
      payload: { sdp: `${SDP}a=answer\r\n` },
      correlationId: offer.id,
    });
    expect(await alice.frame('alice', (frame) => frame.type === 'ANSWER')).toMatchObject({
      from: b,
      correlation_id: offerId,
      payload: { sdp: `${SDP}a=answer\r\n` },
    });
    for (const [agents, name, to] of [
      [alice, 'alice', b],
      [bob, 'bob', a],
    ] as const) {
      await agents.tell(name, {
        do: 'signal',
        type: 'ICE_CANDIDATE',
        to,
        payload: { candidate: `candidate of ${name}`, sdp_mid: '0', sdp_mline_index: 0 },
      });
    }
    expect(await bob.frame('bob', isCandidate)).toMatchObject({
      from: a,
      payload: { candidate: 'candidate of alice', sdp_mid: '0', sdp_mline_index: 0 },
    });
    expect(await alice.frame('alice', isCandidate)).toMatchObject({
      from: b,
      payload: { candidate: 'candidate of bob' },
    });
  });

  it('exchange EXEC_REQUEST and EXEC_RESPONSE, in both directions', async () => {
    const exec = (agents: AgentProcess, name: string, to: string, payload: object) =>
      agents.tell(name, { do: 'exec', to, payload: { args: {}, ...payload } });
    expect(await exec(alice, 'alice', didOf(bob, 'bob'), { capability: 'work', args: { key: 'from alice' } })).toEqual({
      key: 'from alice',
    });
    expect(await exec(bob, 'bob', didOf(alice, 'alice'), { capability: 'work', args: { key: 'from bob' } })).toEqual({
      key: 'from bob',
    });
    expect(await exec(alice, 'alice', 'capability:pieces', { args: { key: 'a' } })).toBe('a whole');
    const effects = [...alice.traces(), ...bob.traces()]
      .filter(({ kind }) => kind === 'effect')
      .map(({ agent, key }) => `${agent} ${key}`);
    expect(effects.toSorted()).toEqual(['alice from bob', 'bob a', 'bob from alice']);
  });
});

describe(`a frame that is wrong gets an error code of its own ${claim('P-IOAP.error-codes')}`, () => {
  const codes: string[] = [];
  let mallory: Peer;

  beforeAll(async () => {
    mallory = await openPeer(gatewayOf(platform));
    await mallory.register({ name: 'mallory', join_token: await platform.invitation('mallory') });
    await platform.admin.operate('policies.connect', { from: 'mallory', to: 'bob', protocol: 'ioap' });
  });
  afterAll(() => mallory.socket.terminate());

  /** The code of the ERROR that answers frame `id`. */
  async function refusal(peer: Peer, id: string): Promise<string> {
    const answer = await peer.answerTo(id);
    if (answer.type !== 'ERROR') throw new Error(`expected an ERROR, not ${JSON.stringify(answer)}`);
    codes.push(answer.payload.code);
    return answer.payload.code;
  }

  it('a forged signature', async () => {
    const { id } = mallory.say(
      'OFFER',
      didOf(bob, 'bob'),
      { sdp: SDP },
      {},
      { payload: { sdp: 'v=0 changed on the way' } },
    );
    expect(await refusal(mallory, id)).toBe('INVALID_SIGNATURE');
  });

  it('a replay of a signal that has been delivered', async () => {
    const { id, raw } = mallory.say('OFFER', didOf(bob, 'bob'), { sdp: SDP });
    expect(await bob.frame('bob', (frame) => frame.id === id)).toBeDefined();
    mallory.send(raw);
    expect(await refusal(mallory, id)).toBe('REPLAY_DETECTED');
  });

  it('another sender in "from", though rightly signed by that sender', async () => {
    const other = generateKeyPair();
    const stranger = await openPeer(gatewayOf(platform), other);
    const { id, raw } = stranger.sign('OFFER', didOf(bob, 'bob'), { sdp: SDP });
    stranger.socket.terminate();
    mallory.send(raw);
    expect(await refusal(mallory, id)).toBe('DID_MISMATCH');
  });

  it('an unknown target', async () => {
    const { id } = mallory.say('OFFER', generateKeyPair().did, { sdp: SDP });
    expect(await refusal(mallory, id)).toBe('UNKNOWN_AGENT');
  });

  it('an unregistered sender', async () => {
    const stranger = await openPeer(gatewayOf(platform));
    const { id } = stranger.say('OFFER', didOf(bob, 'bob'), { sdp: SDP });
    expect(await refusal(stranger, id)).toBe('NOT_REGISTERED');
    stranger.socket.terminate();
  });

  it('an unadmitted sender', async () => {
    const stranger = await openPeer(gatewayOf(platform));
    const { id } = stranger.say('REGISTER', platform.gateway, {
      public_key: stranger.did.slice('did:key:'.length),
      name: 'nobody',
    });
    expect(await refusal(stranger, id)).toBe('NOT_ADMITTED');
    expect(await stranger.closed).toMatchObject({ code: 4403 });
  });

  it('an oversized frame', async () => {
    const { raw } = mallory.sign(
      'EXEC_REQUEST',
      didOf(bob, 'bob'),
      { args: { fill: 'x'.repeat(IOAP_MAX_FRAME_BYTES) } },
      { id: randomUUID() },
    );
    mallory.send(raw);
    const { frame } = await mallory.next(({ type }) => type === 'ERROR');
    codes.push((frame as Extract<IoapFrame, { type: 'ERROR' }>).payload.code);
    expect(codes.at(-1)).toBe('PAYLOAD_TOO_LARGE');
    expect(await mallory.closed).toMatchObject({ code: 1009 });
  });

  it('seven faults, seven codes, and none of them reached the other agent', async () => {
    expect(new Set(codes).size).toBe(7);
    expect(codes).toHaveLength(7);
    await expect(
      bob.tell('bob', {
        do: 'exec',
        to: didOf(alice, 'alice'),
        payload: { capability: 'work', args: { key: 'still here' } },
      }),
    ).resolves.toEqual({ key: 'still here' });
    expect(bob.unread('bob')).toEqual([]);
    expect(bob.traces().filter(({ kind }) => kind === 'delivery')).toHaveLength(2);
  });
});

const isCandidate = (frame: IoapFrame): boolean => frame.type === 'ICE_CANDIDATE';
const gatewayOf = ({ url, gateway }: PlatformProcess) => ({ url: `${url.replace('http', 'ws')}/ws`, did: gateway });
