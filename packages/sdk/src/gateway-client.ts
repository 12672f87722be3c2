import {
  AipError,
  generateKeyPair,
  toAipError,
  verifyFrame,
  type IoapFrame,
  type IoapPayloads,
  type IoapType,
  type Json,
  type KeyPair,
} from '@aip/wire';
import { takeAnswer } from './answer.ts';
import { atTheDoor, waitAfter } from './backoff.ts';
import type { Announcement, ClientStatus, GatewayClientOptions, Registration, RequestFrame } from './client-types.ts';
import { COMEBACK, DEFAULT_GATEWAY } from './client-types.ts';
import { discoverGateway, openConnection, type Connection } from './connection.ts';
import { createOpenRequests, type OpenRequests, type RequestOptions } from './open-requests.ts';
import { signedFrame, withKey } from './own-frame.ts';
import { errorFrom } from './remote-error.ts';

type FrameHandler = (frame: IoapFrame) => void;

const REGISTER_TIMEOUT = 15_000;
/** Another connection of the same agent took over: coming back would only throw it out in turn. */
const REPLACED = 4409;

/**
 * A client of the IoAP v1 gateway: connects, registers, and from then on stays connected. Requests that are open when
 * the connection is lost are put again under their key, so that nothing is done twice.
 *
 *     await using client = new GatewayClient();
 *     await client.connect();
 *     await client.register({ name: 'alice', join_token });
 *     client.onMessage((frame) => console.log(frame.type, frame.payload));
 *     await client.sendOffer('did:key:z6Mk…', { sdp });
 */
export class GatewayClient implements AsyncDisposable {
  readonly key: KeyPair;
  readonly #url: string;
  readonly #options: GatewayClientOptions;
  readonly #requests: OpenRequests = createOpenRequests();
  readonly #handlers = new Set<FrameHandler>();
  readonly #watchers = new Set<(status: ClientStatus) => void>();
  #gateway = '';
  #connection: Connection | undefined;
  #announcement: Announcement | undefined;
  #lastError: AipError | undefined;
  #failures = 0;
  #patientUntil = 0;
  #closed = false;
  #timers: { retry?: NodeJS.Timeout; ping?: NodeJS.Timeout } = {};

  constructor(options: GatewayClientOptions = {}) {
    this.#options = options;
    this.key = options.key ?? generateKeyPair();
    this.#url = options.url ?? DEFAULT_GATEWAY;
  }

  get did(): string {
    return this.key.did;
  }

  /** Known once connected. */
  get gatewayDid(): string {
    return this.#gateway;
  }

  /** Opens the connection. Throws AGENT_UNAVAILABLE when the gateway does not answer. */
  async connect(): Promise<void> {
    this.#closed = false;
    await this.#open();
  }

  async #open(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
    this.#gateway = this.#options.gatewayDid ?? (await discoverGateway(this.#url));
    const connection: Connection = await openConnection(this.#url, {
      onFrame: (raw) => this.#receive(raw),
      onEnd: (code, reason) => this.#ended(connection, code, reason),
    });
    this.#connection = connection;
    if (this.#closed) this.#finish();
  }

  /**
   * Registers and from now on keeps the registration through reconnects. Throws NOT_ADMITTED, KILLED, …
   */
  async register(announcement: Announcement = {}): Promise<Registration> {
    const payload = { ...announcement, public_key: this.did.slice('did:key:'.length) };
    const answer = this.#put('REGISTER', this.#gateway, payload, { timeoutMs: REGISTER_TIMEOUT }, false);
    const registration = (await answer) as unknown as Registration;
    this.#announcement = announcement;
    this.#failures = 0;
    this.#keepAlive(registration);
    this.#tell({ state: 'registered', registration });
    return registration;
  }

  /** Every frame that is not the answer to a request of one's own. Returns how to stop. */
  onMessage(handler: FrameHandler): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Frames of one type; see {@link onMessage}. */
  on<T extends IoapType>(type: T, handler: (frame: Extract<IoapFrame, { type: T }>) => void): () => void {
    return this.onMessage((frame) => {
      if (frame.type === type) handler(frame as Extract<IoapFrame, { type: T }>);
    });
  }

  onStatus(watcher: (status: ClientStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Sends a signal and returns its frame id; a refusal comes as an ERROR with that correlation_id. */
  sendOffer(to: string, payload: IoapPayloads['OFFER'], correlationId?: string): Promise<string> {
    return this.send('OFFER', to, payload, correlationId);
  }

  sendAnswer(to: string, payload: IoapPayloads['ANSWER'], correlationId?: string): Promise<string> {
    return this.send('ANSWER', to, payload, correlationId);
  }

  sendIceCandidate(to: string, payload: IoapPayloads['ICE_CANDIDATE'], correlationId?: string): Promise<string> {
    return this.send('ICE_CANDIDATE', to, payload, correlationId);
  }

  /** Asks an agent in its own words and resolves with its result. Throws the AipError of a refusal or failure. */
  sendIntent(to: string, payload: IoapPayloads['INTENT'], options: RequestOptions = {}): Promise<Json> {
    return this.#put('INTENT', to, withKey(payload, options), options, true);
  }

  /**
   * Calls a capability and resolves with its result. `to` is an agent's DID, or an address such as
   * `capability:translate` or `tool:files/read_file`. Throws the AipError of a refusal or failure.
   */
  sendExecRequest(to: string, payload: IoapPayloads['EXEC_REQUEST'], options: RequestOptions = {}): Promise<Json> {
    return this.#put('EXEC_REQUEST', to, withKey(payload, options), options, true);
  }

  /** Answers a request of another. */
  async respond(request: RequestFrame, payload: IoapPayloads['EXEC_RESPONSE']): Promise<void> {
    await this.send('EXEC_RESPONSE', request.from, payload, request.id);
  }

  async ping(): Promise<void> {
    await this.#put('PING', this.#gateway, {}, { timeoutMs: REGISTER_TIMEOUT }, false);
  }

  /** Signs and sends one frame; resolves with its id. Throws AGENT_UNAVAILABLE while there is no connection. */
  async send<T extends IoapType>(
    type: T,
    to: string,
    payload: IoapPayloads[T],
    correlationId?: string,
  ): Promise<string> {
    const { id, raw } = signedFrame(this.key, type, to, payload, correlationId);
    await this.#write(raw);
    return id;
  }

  /** Leaves the gateway for good. */
  async disconnect(): Promise<void> {
    if (this.#closed) return;
    if (this.#connection && this.#announcement)
      await this.#put('UNREGISTER', this.#gateway, {}, { timeoutMs: 2_000 }, false).catch(() => {});
    this.#finish();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  // ── out ────────────────────────────────────────────────────────────────────────────────────────────

  #write(raw: string): Promise<void> {
    return (
      this.#connection?.send(raw) ??
      Promise.reject(new AipError('AGENT_UNAVAILABLE', 'There is no connection to the gateway at the moment.'))
    );
  }

  /** Sends a request and waits for its answer. `lasting` ones outlive the connection. */
  #put<T extends 'REGISTER' | 'UNREGISTER' | 'PING' | 'INTENT' | 'EXEC_REQUEST'>(
    type: T,
    to: string,
    payload: IoapPayloads[T],
    options: RequestOptions,
    lasting: boolean,
  ): Promise<Json> {
    return this.#requests.open({
      to,
      options,
      lasting,
      patientUntil: () => this.#patientUntil,
      put: (id) => this.#putFrame(id, type, to, payload),
      cancel: (id) =>
        this.send(
          'ERROR',
          to.startsWith('did:') ? to : this.#gateway,
          { code: 'CANCELED', message: 'The caller has canceled this request.' },
          id,
        ),
    });
  }

  async #putFrame<T extends IoapType>(
    announce: (id: string) => void,
    type: T,
    to: string,
    payload: IoapPayloads[T],
  ): Promise<void> {
    const { id, raw } = signedFrame(this.key, type, to, payload);
    announce(id);
    await this.#write(raw);
  }

  // ── in ─────────────────────────────────────────────────────────────────────────────────────────────

  #receive(raw: string): void {
    const frame = this.#verified(raw);
    if (!frame) return;
    const request = frame.correlation_id == null ? undefined : this.#requests.get(frame.correlation_id);
    const isAsked = frame.from === this.#gateway || frame.from === request?.to;
    if (request && isAsked && takeAnswer(request, frame)) return;
    if (frame.type === 'ERROR' && frame.from === this.#gateway && frame.correlation_id == null) {
      this.#lastError = errorFrom(frame.payload);
    }
    for (const handler of this.#handlers) handler(frame);
  }

  /** Not judged by its time: the gateway did so on acceptance, and a parked request may come much later. */
  #verified(raw: string): IoapFrame | undefined {
    try {
      return verifyFrame(raw).frame;
    } catch (error) {
      this.#tell({ state: 'rejected-frame', error: toAipError(error) });
      return undefined;
    }
  }

  // ── staying connected ──────────────────────────────────────────────────────────────────────────────

  #keepAlive({ heartbeat_ms, limits }: Registration): void {
    this.#connection?.watch(heartbeat_ms * 3);
    clearInterval(this.#timers.ping);
    const interval = Math.min(heartbeat_ms, (limits['idle_ms'] ?? heartbeat_ms * 3) / 3);
    this.#timers.ping = setInterval(() => void this.send('PING', this.#gateway, {}).catch(() => {}), interval).unref();
  }

  #ended(connection: Connection, code: number, reason: string): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    clearInterval(this.#timers.ping);
    const error =
      this.#lastError ??
      new AipError(
        'AGENT_UNAVAILABLE',
        `The gateway closed the connection (${code}${reason === '' ? '' : `, ${reason}`}).`,
      );
    this.#lastError = undefined;
    if (this.#closed) return;
    if (code === REPLACED) return this.#finish(error);
    this.#requests.connectionLost(error);
    if (this.#announcement) this.#retry(error);
  }

  #retry(error: AipError): void {
    const retryIn = waitAfter(++this.#failures, atTheDoor(error, this.#options.backoff));
    this.#tell({ state: 'lost', error, retryIn });
    this.#timers.retry = setTimeout(() => void this.#reconnect(), retryIn);
  }

  async #reconnect(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (!this.#closed) this.#retry(toAipError(error));
      return;
    }
    if (this.#closed) return;
    try {
      await this.register(this.#announcement);
      // Whoever was connected here may come back a little later.
      this.#patientUntil = Date.now() + COMEBACK;
      this.#requests.putAgain();
    } catch (error) {
      // The gateway closes after a refused REGISTER, and that end brings the next attempt; a lost answer does not.
      this.#lastError ??= toAipError(error);
      this.#connection?.close();
    }
  }

  #finish(error?: AipError): void {
    this.#closed = true;
    clearTimeout(this.#timers.retry);
    clearInterval(this.#timers.ping);
    this.#connection?.close();
    this.#connection = undefined;
    this.#announcement = undefined;
    this.#requests.failAll(error ?? new AipError('AGENT_UNAVAILABLE', 'The client has been disconnected.'));
    this.#tell({ state: 'closed', ...(error ? { error } : {}) });
  }

  #tell(status: ClientStatus): void {
    for (const watcher of this.#watchers) watcher(status);
  }
}
