import { claim } from '@aip/conformance';
import { AipError, generateKeyPair, toBase58, type IoapFrame } from '@aip/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { openPeer, startTestGateway, type TestGateway, type TestGatewayOptions } from './testing.ts';

let gateway: TestGateway;
const start = async (options?: TestGatewayOptions): Promise<TestGateway> => (gateway = await startTestGateway(options));
afterEach(() => gateway[Symbol.asyncDispose]());

const keyText = (did: string): string => did.slice('did:key:'.length);
const errorOf = (frame: IoapFrame): unknown => frame.type === 'ERROR' && frame.payload.code;

describe('REGISTER', () => {
  it(`is answered by the gateway, signed, with the bounds of the connection ${claim('P-IOAP.register-proof')}`, async () => {
    const { did, exchange } = await start();
    const peer = await openPeer(gateway);
    const { id } = peer.say('REGISTER', did, {
      public_key: toBase58(peer.key.publicKey),
      name: 'alice',
      capabilities: [{ name: 'echo' }],
    });
    const answer = await peer.answerTo(id);
    expect(answer).toMatchObject({
      type: 'EXEC_RESPONSE',
      from: did,
      to: peer.did,
      payload: {
        status: 'success',
        result: {
          did: peer.did,
          name: 'alice',
          gateway: did,
          heartbeat_ms: 30_000,
          limits: { max_frame_bytes: 1_048_576, idle_ms: 300_000 },
        },
      },
    });
    expect(exchange.catalogue.get(`skill:${peer.did}/echo`)).toBeDefined();
    expect([...exchange.sessions.all()].map(({ principal }) => principal.id)).toEqual([peer.did]);
  });

  it.each([
    ['a forged signature', 'INVALID_SIGNATURE', 4401, {}, { timestamp: new Date(Date.now() + 1).toISOString() }],
    ['another gateway in "to"', 'DID_MISMATCH', 4401, { to: generateKeyPair().did }, {}],
    [
      'a time outside the window',
      'MESSAGE_EXPIRED',
      4401,
      { timestamp: new Date(Date.now() - 61_000).toISOString() },
      {},
    ],
    ['another version', 'UNSUPPORTED_VERSION', 4400, {}, { version: '2.0' }],
  ] as const)(
    `with %s is refused as %s ${claim('P-IOAP.register-proof', 'P-IOAP.error-codes')}`,
    async (_what, code, close, changes, forge) => {
      await start();
      const peer = await openPeer(gateway);
      const { id } = peer.say('REGISTER', gateway.did, { public_key: keyText(peer.did) }, changes, forge);
      const answer = await peer.answerTo(id);
      expect(answer).toMatchObject({ type: 'ERROR', from: gateway.did, payload: { code } });
      expect(await peer.closed).toMatchObject({ code: close });
    },
  );

  it('with a public key that is not that of the DID is refused as DID_MISMATCH', async () => {
    await start();
    const peer = await openPeer(gateway);
    expect(errorOf(await peer.register({ public_key: keyText(generateKeyPair().did) }))).toBe('DID_MISMATCH');
  });

  it('of a captured frame over another connection is REPLAY_DETECTED', async () => {
    await start();
    const peer = await openPeer(gateway);
    const { id, raw } = peer.say('REGISTER', gateway.did, { public_key: keyText(peer.did) });
    await peer.answerTo(id);
    const thief = await openPeer(gateway);
    thief.send(raw);
    expect(errorOf(await thief.answerTo(id))).toBe('REPLAY_DETECTED');
    // The rightful session has not been touched.
    expect(peer.socket.readyState).toBe(WebSocket.OPEN);
  });

  it(`of a captured frame is REPLAY_DETECTED after a restart, too: the log remembers it ${claim('P-IOAP.register-proof')}`, async () => {
    await start();
    const peer = await openPeer(gateway);
    const frame = peer.say('REGISTER', gateway.did, { public_key: keyText(peer.did) });
    await peer.answerTo(frame.id);
    // The other edge over the same log remembers no frame, as none does that has just been started.
    await using again = await gateway.restart();
    const thief = await openPeer(again);
    thief.send(frame.raw);
    expect(errorOf(await thief.answerTo(frame.id))).toBe('REPLAY_DETECTED');
    expect(await (await openPeer(again, peer.key)).register()).toMatchObject({ payload: { status: 'success' } });
  });

  it('without admission is NOT_ADMITTED, with a join token it is welcome', async () => {
    await start({ joinToken: 'sesame' });
    const stranger = await openPeer(gateway);
    expect(errorOf(await stranger.register())).toBe('NOT_ADMITTED');
    expect(await stranger.closed).toMatchObject({ code: 4403 });
    const invited = await openPeer(gateway);
    expect(await invited.register({ join_token: 'sesame' })).toMatchObject({ payload: { status: 'success' } });
  });

  it('comes first: anything else before it is NOT_REGISTERED', async () => {
    await start();
    const peer = await openPeer(gateway);
    const { id } = peer.say('PING', gateway.did, {});
    expect(errorOf(await peer.answerTo(id))).toBe('NOT_REGISTERED');
    // It may still register.
    expect(await peer.register()).toMatchObject({ payload: { status: 'success' } });
  });

  it('must come in time', async () => {
    await start({ limits: { registerWithin: 50 } });
    const peer = await openPeer(gateway);
    expect(errorOf((await peer.next(({ type }) => type === 'ERROR')).frame)).toBe('NOT_REGISTERED');
    expect(await peer.closed).toMatchObject({ code: 4401 });
    expect(gateway.edge.connections).toBe(0);
  });

  it('of the same agent again replaces its older connection, which is told so', async () => {
    await start();
    const older = await openPeer(gateway);
    await older.register();
    const newer = await openPeer(gateway, older.key);
    await newer.register();
    expect(errorOf((await older.next(({ type }) => type === 'ERROR')).frame)).toBe('SESSION_REPLACED');
    expect(await older.closed).toMatchObject({ code: 4409 });
    expect(gateway.left).toEqual([]);
    expect(gateway.exchange.sessions.size).toBe(1);
  });

  it('may be repeated on a connection to announce anew, but only by the same agent', async () => {
    await start();
    const peer = await openPeer(gateway);
    await peer.register({ capabilities: [{ name: 'one' }] });
    await peer.register({ capabilities: [{ name: 'two' }] });
    expect(gateway.exchange.catalogue.get(`skill:${peer.did}/one`)).toBeUndefined();
    expect(gateway.exchange.catalogue.get(`skill:${peer.did}/two`)).toBeDefined();
    const other = await openPeer(gateway);
    const { id, raw } = other.sign('REGISTER', gateway.did, { public_key: keyText(other.did) });
    peer.send(raw);
    expect(errorOf(await peer.answerTo(id))).toBe('DID_MISMATCH');
  });

  it('followed closely by other frames is handled first', async () => {
    await start();
    const peer = await openPeer(gateway);
    peer.say('REGISTER', gateway.did, { public_key: keyText(peer.did) });
    const { id } = peer.say('PING', gateway.did, { nonce: 'n' });
    expect(await peer.answerTo(id)).toMatchObject({ type: 'PONG', payload: { nonce: 'n' } });
  });
});

describe('the end of a connection', () => {
  it('by UNREGISTER is acknowledged, and the agent has left', async () => {
    await start();
    const peer = await openPeer(gateway);
    await peer.register();
    const { id } = peer.say('UNREGISTER', gateway.did, {});
    expect(await peer.answerTo(id)).toMatchObject({ payload: { status: 'success' } });
    expect(await peer.closed).toMatchObject({ code: 1000 });
    await expect.poll(() => gateway.left).toEqual([peer.did]);
    expect(gateway.exchange.routes.get(peer.did)).toBeUndefined();
    expect(gateway.exchange.sessions.size).toBe(0);
  });

  it('by the peer, without a word, is noticed', async () => {
    await start();
    const peer = await openPeer(gateway);
    await peer.register();
    peer.socket.terminate();
    await expect.poll(() => gateway.left).toEqual([peer.did]);
    expect(gateway.edge.connections).toBe(0);
  });

  it('while it announces itself anew leaves nobody behind who seems to be there', async () => {
    await start();
    const { read } = gateway.exchange.journal;
    const peer = await openPeer(gateway);
    await peer.register();
    peer.say('REGISTER', gateway.did, { public_key: keyText(peer.did) });
    peer.say('UNREGISTER', gateway.did, {});
    await peer.closed;
    const entries = () => read.entries('default', { from: 0, limit: 1000 });
    const last = (kind: string, to: string): number => {
      const tasks = entries().filter(({ kind: opens, head }) => opens === 'accept' && head['to'] === to);
      return entries().findLastIndex((entry) => entry.kind === kind && tasks.some(({ task }) => task === entry.task));
    };
    await expect.poll(() => gateway.left.length).toBeGreaterThan(0);
    await expect.poll(() => entries().filter(({ kind }) => kind === 'settle').length).toBeGreaterThan(2);
    await expect
      .poll(() => last('accept', 'operation:agents.disconnect') > last('settle', 'operation:agents.connect'))
      .toBe(true);
  });

  it(`comes when nothing has been heard for too long ${claim('P-IOAP.idle')}`, async () => {
    await start({ limits: { heartbeat: 40, idle: 150 } });
    const quiet = await openPeer(gateway);
    await quiet.register();
    const lively = await openPeer(gateway);
    await lively.register();
    const pinging = setInterval(() => lively.say('PING', gateway.did, {}), 40);
    expect(await quiet.closed).toMatchObject({ code: 4408 });
    expect(errorOf((await quiet.next(({ type }) => type === 'ERROR')).frame)).toBe('TIMEOUT');
    clearInterval(pinging);
    expect(lively.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('comes when two pings have not been answered', async () => {
    await start({ limits: { heartbeat: 50 } });
    const peer = await openPeer(gateway);
    await peer.register();
    peer.socket.pause();
    await expect.poll(() => gateway.left).toEqual([peer.did]);
    peer.socket.resume();
    await peer.closed;
  });

  it('by a kill is an ERROR KILLED and close 4403', async () => {
    await start();
    const peer = await openPeer(gateway);
    await peer.register();
    for (const session of gateway.exchange.sessions.all()) session.close('KILLED', 'runaway');
    expect((await peer.next(({ type }) => type === 'ERROR')).frame.payload).toMatchObject({
      code: 'KILLED',
      message: 'runaway',
    });
    expect(await peer.closed).toEqual({ code: 4403, reason: 'runaway' });
  });

  it('by a stop of the gateway is an ERROR SHUTTING_DOWN and close 1012', async () => {
    await start();
    const peer = await openPeer(gateway);
    await peer.register();
    gateway.edge.close();
    expect(errorOf((await peer.next(({ type }) => type === 'ERROR')).frame)).toBe('SHUTTING_DOWN');
    expect(await peer.closed).toMatchObject({ code: 1012 });
  });
});

describe('a handshake', () => {
  const refused = (path: string, protocols: string[], headers = {}): Promise<number | undefined> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols, { headers });
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode);
        response.resume();
      });
      socket.on('error', () => {});
      socket.on('open', () => resolve(undefined));
    });

  it('without the subprotocol ioap.v1 is refused', async () => {
    await start();
    expect(await refused('/ws', [])).toBe(400);
    expect(await refused('/ws', ['ioap.v9'])).toBe(400);
  });

  it('at another path is refused', async () => {
    await start();
    expect(await refused('/elsewhere', ['ioap.v1'])).toBe(404);
  });

  it('from a foreign Origin is refused', async () => {
    await start({
      allowed: ({ headers }) => (headers.origin === undefined ? undefined : new AipError('FORBIDDEN_ORIGIN')),
    });
    expect(await refused('/ws', ['ioap.v1'], { origin: 'https://evil.example' })).toBe(403);
    expect(await refused('/ws', ['ioap.v1'])).toBeUndefined();
  });

  it('beyond the number of connections is refused', async () => {
    await start({ limits: { connections: 1 } });
    const peer = await openPeer(gateway);
    await peer.register();
    expect(await refused('/ws', ['ioap.v1'])).toBe(429);
  });

  it('from a network with too many unregistered connections is refused until they have registered', async () => {
    const addresses = ['2001:db8::1', '2001:db8::2', '2001:db9::1', '2001:db8::3'];
    await start({ limits: { unregistered: 1 }, from: () => addresses.shift() ?? '' });
    const peer = await openPeer(gateway);
    expect(await refused('/ws', ['ioap.v1'])).toBe(429);
    expect(await refused('/ws', ['ioap.v1'])).toBeUndefined();
    await peer.register();
    expect(await refused('/ws', ['ioap.v1'])).toBeUndefined();
  });
});
