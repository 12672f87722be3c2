import {
  AipError,
  checkTimestamp,
  isErrorCode,
  keyOfDid,
  parseFrame,
  verifyFrame,
  type ErrorCode,
  type IoapFrame,
} from '@aip/wire';
import { oneShot, type Call } from '../../exchange/index.ts';
import { toErrorBody } from '../../kernel/error-body.ts';
import type { Session } from '../../kernel/session.ts';
import { closeCodeOf, closeReason } from './close-codes.ts';
import type { Delivery } from './delivery.ts';
import { handleFrame } from './frame-handling.ts';
import type { IoapSocket } from './ioap-socket.ts';
import type { Edge, Link } from './link.ts';
import { createOutbox } from './outbox.ts';
import { countOf, createPace, weightOf } from './pace.ts';
import { createPulse } from './pulse.ts';
import { createReading } from './reading.ts';
import { readable, verifyOwn } from './received-frame.ts';
import { announce, checkRegistration, checkSize, registered, type RegisterFrame } from './registration.ts';
import { sessionRoute } from './session-route.ts';

/** Frames a connection may get wrong before it has registered. */
const MAX_EARLY = 16;
/** Frames in a row that a registered connection may get wrong. */
const MAX_BAD = 100;
/** How long a peer may take to close its side, in milliseconds. */
const CLOSE_GRACE = 2_000;

/** One WebSocket connection, as the edge watches over it. */
export interface Connection {
  close(code: ErrorCode, message: string): void;
  /** Pings, and ends what is dead or idle. Called once per heartbeat. */
  beat(): void;
}

/** @param address of the peer; @param onRegistered called once, when the connection counts as an agent's; @param onClosed called once, at the end */
export function serve(
  edge: Edge,
  socket: IoapSocket,
  address: string,
  onRegistered: () => void,
  onClosed: () => void,
): Connection {
  const { exchange, frames, limits } = edge;
  const outbox = createOutbox(socket, limits);
  const reading = createReading(socket, limits.handling);
  const pace = createPace(exchange, reading);
  const pulse = createPulse(exchange.clock);
  const gone = new AbortController();
  const deadline = setTimeout(
    () => close('NOT_REGISTERED', `REGISTER did not come within ${limits.registerWithin} ms.`),
    limits.registerWithin,
  );
  let link: Link | undefined;
  let leave = (): void => {};
  let registration: Promise<void> | undefined;
  let closing = false;
  let early = 0;
  let bad = 0;

  // ── frames in ──────────────────────────────────────────────────────────────────────────────────────

  async function receive(raw: string): Promise<void> {
    const done = reading.begin();
    try {
      await handle(raw);
    } catch (error) {
      await refuse(raw, error);
    } finally {
      done();
    }
  }

  async function handle(raw: string): Promise<void> {
    // Frames that follow REGISTER closely wait for its outcome.
    if (registration) await registration;
    while (pace.slowed()) await pace.slowed();
    if (closing) return;
    if (!link) return register(raw);
    const frame = sound(raw, link);
    checkTimestamp(frame, exchange.clock.now(), limits.skew);
    if (frame.type === 'REGISTER') checkSize(raw, limits);
    for (let count = countOf(frame, raw); count > 0;) {
      if (pace.count(link.session.principal, weightOf(frame, raw))) count--;
      else await pace.slowed();
    }
    if (closing) return;
    if (frame.type === 'REGISTER') return announceAgain(link, frame);
    if (frame.type === 'UNREGISTER') return unregister(link, frame);
    await handleFrame(edge, link, frame, raw);
  }

  function sound(raw: string, own: Link): IoapFrame {
    bad++;
    const frame = verifyOwn(raw, own);
    // A right frame that came with the last wrong one, in one piece of the network's, does not undo it.
    if (bad <= MAX_BAD) bad = 0;
    return frame;
  }

  /** Tells the sender what was wrong with its frame. */
  async function refuse(raw: string, error: unknown): Promise<void> {
    if (closing) return;
    const { id, from } = readable(raw);
    const body = toErrorBody(error);
    if (link && body.code !== 'RATE_LIMITED') pace.count(link.session.principal);
    await outbox.send(() => frames.error(link?.did ?? from, body, id)).catch(() => terminate('SLOW_CONSUMER'));
    if (link) {
      if (bad >= MAX_BAD) shut(body.code, `${MAX_BAD} frames in a row were wrong.`);
      return;
    }
    const unproven = error instanceof AipError && error.code !== 'MALFORMED_MESSAGE' && error.code !== 'NOT_REGISTERED';
    if (unproven) return shut(body.code, body.message);
    if (++early >= MAX_EARLY) close('NOT_REGISTERED', 'Too many frames before REGISTER.');
  }

  // ── registration ───────────────────────────────────────────────────────────────────────────────────

  function register(raw: string): Promise<void> {
    const { frame } = parseFrame(raw);
    if (frame.type !== 'REGISTER') throw new AipError('NOT_REGISTERED', `Send REGISTER before ${frame.type}.`);
    verifyFrame(raw);
    checkSize(raw, limits);
    checkRegistration(edge, frame);
    const outcome = admit(frame);
    registration = outcome
      .catch(() => {})
      .finally(() => {
        registration = undefined;
      });
    return outcome;
  }

  async function admit(frame: RegisterFrame): Promise<void> {
    const began = exchange.clock.monotonic();
    const did = frame.from;
    const knocking = oneShot(
      { principal: exchange.authenticate({ kind: 'signed', did }), edge: 'ioap', address },
      exchange.clock.now(),
    );
    const view = await announce(edge, knocking, frame);
    if (closing) return depart(did, knocking);
    // Admission may have given it a name and roles.
    const session = exchange.sessions.attach({
      principal: exchange.authenticate({ kind: 'signed', did }),
      edge: 'ioap',
      close: closeFor,
    });
    const own = createLink(did, session);
    const unbind = exchange.routes.bind(did, sessionRoute(edge, own));
    const older = edge.links.get(did);
    edge.links.set(did, own);
    link = own;
    leave = () => {
      unbind();
      exchange.sessions.detach(session);
      if (edge.links.get(did) === own) edge.links.delete(did);
      for (const delivery of own.deliveries.values()) delivery.drop();
      depart(did, session);
    };
    older?.close('SESSION_REPLACED', 'A newer connection of this agent has registered.');
    clearTimeout(deadline);
    onRegistered();
    await acknowledge(own, frame.id, view, began);
  }

  /** An agent is gone when none of its connections is left. */
  function depart(did: string, session: Session): void {
    // What denies this (a kill, a stop of the platform) has ended the connection for good already.
    if (!edge.links.has(did)) exchange.operate(session, 'agents.disconnect', {}).catch(() => {});
  }

  function createLink(did: string, session: Session): Link {
    return {
      did,
      key: keyOfDid(did),
      session,
      get open() {
        return !closing;
      },
      gone: gone.signal,
      calls: new Map<string, Call>(),
      deliveries: new Map<string, Delivery>(),
      send: (make) => outbox.send(make),
      hold: () => reading.hold(),
      close,
    };
  }

  async function announceAgain(own: Link, frame: RegisterFrame): Promise<void> {
    const began = exchange.clock.monotonic();
    checkRegistration(edge, frame);
    const view = await announce(edge, own.session, frame);
    // It left before it was announced: without this it would seem to be here.
    if (closing) return depart(own.did, own.session);
    await acknowledge(own, frame.id, view, began);
  }

  function acknowledge(
    own: Link,
    id: string,
    view: Awaited<ReturnType<typeof announce>>,
    began: number,
  ): Promise<void> {
    const payload = registered(edge, own.did, view, exchange.clock.monotonic() - began);
    return outbox.send(() => frames.write('EXEC_RESPONSE', own.did, payload, { correlationId: id }).raw);
  }

  async function unregister(own: Link, frame: IoapFrame): Promise<void> {
    const payload = { status: 'success', result: { did: own.did }, execution_time_ms: 0 } as const;
    await outbox.send(() => frames.write('EXEC_RESPONSE', own.did, payload, { correlationId: frame.id }).raw);
    end();
    socket.close(1000, 'unregistered');
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────

  /** Ends everything that hangs on this connection; nothing is read or sent afterwards. */
  function end(): void {
    if (closing) return;
    closing = true;
    gone.abort();
    clearTimeout(deadline);
    outbox.close();
    leave();
    onClosed();
    setTimeout(() => socket.terminate(), CLOSE_GRACE).unref();
  }

  /** Says why, then closes. */
  function close(code: ErrorCode, message: string): void {
    if (closing) return;
    socket.send(frames.error(link?.did, new AipError(code, message).toJSON(), undefined), () => {});
    shut(code, message);
  }

  function shut(code: ErrorCode, message: string): void {
    end();
    socket.close(closeCodeOf(code), closeReason(message));
  }

  /** Closes without a word to a peer that takes none. */
  function terminate(code: ErrorCode): void {
    end();
    socket.close(closeCodeOf(code));
    socket.terminate();
  }

  const closeFor = (code: string, reason: string): void =>
    close(isErrorCode(code) ? code : 'PERMISSION_DENIED', reason);

  socket.on('message', (bytes, binary) => {
    pulse.heard();
    if (closing) return;
    // A binary frame is no frame of this protocol, and what it holds need not even be text.
    void receive(binary ? '' : (bytes as Buffer).toString());
  });
  socket.on('pong', () => pulse.answered());
  socket.beforeFailing = (code) => {
    if (closing) return;
    const reason = code === 1009 ? 'PAYLOAD_TOO_LARGE' : 'MALFORMED_MESSAGE';
    socket.send(frames.error(link?.did, new AipError(reason).toJSON(), undefined), () => {});
  };
  // ws closes after any error of its own.
  socket.on('error', () => {});
  socket.on('close', end);

  return {
    close,
    beat() {
      if (closing) return;
      // Whoever is not read cannot be heard.
      if (reading.held) pulse.answered();
      if (!pulse.beat()) return terminate('TIMEOUT');
      socket.ping();
      const busy = link !== undefined && link.calls.size + link.deliveries.size > 0;
      if (!busy && pulse.silence() > limits.idle)
        close('TIMEOUT', `Nothing was heard for ${limits.idle} ms; send PING to stay connected.`);
    },
  };
}
