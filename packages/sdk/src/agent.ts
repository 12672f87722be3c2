import { setTimeout as delay } from 'node:timers/promises';
import { AipError, toAipError, type IoapCapability, type IoapPayloads, type JsonObject, type KeyPair } from '@aip/wire';
import { atTheDoor, waitAfter, type Backoff } from './backoff.ts';
import { DEFAULT_GATEWAY, type Announcement, type ClientStatus, type RequestFrame } from './client-types.ts';
import { GatewayClient } from './gateway-client.ts';
import { loadKey } from './key-file.ts';
import { createResultMemory } from './result-memory.ts';
import { answer, startRun, type Run } from './run.ts';
import { taskKey, type Task, type TaskContext } from './task.ts';

/** One thing an agent can do. */
export interface Capability {
  readonly description?: string;
  /** JSON Schema of the arguments and of the result, for callers to read: nobody checks them but the handler. */
  readonly inputSchema?: JsonObject;
  readonly outputSchema?: JsonObject;
  /** What a call changes: nothing, the agent's own state, or the world outside. */
  readonly effect?: 'read' | 'write' | 'external';
  /** True if a call may be delivered again under its key after a crash. */
  readonly idempotent?: boolean;
  /** Integer units asked for one call. */
  readonly price?: number;
  /** Returns the result, or yields pieces of it. Without one, `handleTask` is called. */
  readonly handler?: (args: JsonObject, context: TaskContext) => unknown;
}

export interface AgentOptions {
  readonly name: string;
  readonly description?: string;
  readonly version?: string;
  readonly capabilities?: Readonly<Record<string, Capability>>;
  /** Takes what no capability's handler does. */
  readonly handleTask?: (task: Task, context: TaskContext) => unknown;
  /** WebSocket address of the gateway; AIP_GATEWAY_URL or the local default unless given. */
  readonly gateway?: string;
  readonly gatewayDid?: string;
  /** Admits the agent on first contact; AIP_JOIN_TOKEN unless given. */
  readonly joinToken?: string;
  readonly key?: KeyPair;
  /** Holds the agent's key, made on first start; `<name>.key` unless given. */
  readonly keyFile?: string;
  readonly backoff?: Backoff;
  /** Told about the connection, a line at a time; standard error unless given. */
  readonly log?: (line: string) => void;
}

/** Reasons that no further attempt will change. */
const FINAL: ReadonlySet<string> = new Set([
  'SESSION_REPLACED',
  'MALFORMED_MESSAGE',
  'INVALID_ARGUMENT',
  'UNSUPPORTED_VERSION',
  'CONFIG_INVALID',
]);

/**
 * An agent: connects itself, says what it can do, and answers what it is asked, over every protocol the platform
 * speaks. It reconnects with backoff, and does nothing twice that is delivered twice.
 *
 *     const agent = new Agent({ name: 'echo', capabilities: { echo: { handler: ({ text }) => text } } });
 *     await agent.start();
 */
export class Agent implements AsyncDisposable {
  readonly client: GatewayClient;
  readonly #options: AgentOptions;
  readonly #running = new Map<string, Run>();
  readonly #results = createResultMemory<IoapPayloads['EXEC_RESPONSE']>();
  readonly #log: (line: string) => void;
  #stopped = new AbortController();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#log = options.log ?? ((line) => process.stderr.write(`${options.name}: ${line}\n`));
    this.client = new GatewayClient({
      url: options.gateway ?? process.env['AIP_GATEWAY_URL'] ?? DEFAULT_GATEWAY,
      key: options.key ?? loadKey(options.keyFile ?? `${options.name}.key`),
      ...(options.gatewayDid === undefined ? {} : { gatewayDid: options.gatewayDid }),
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    });
    this.client.on('EXEC_REQUEST', (frame) => this.#accept(frame));
    this.client.on('INTENT', (frame) => this.#accept(frame));
    this.client.on('ERROR', (frame) => {
      if (frame.payload.code !== 'CANCELED') return;
      for (const run of this.#running.values()) if (run.isMeantBy(frame)) run.cancel();
    });
    this.client.onStatus((status) => this.#report(status));
  }

  get did(): string {
    return this.client.did;
  }

  /**
   * Does what was asked and returns the result. Override it, or give `handleTask` or handlers as options.
   * Throw an AipError to fail with its code; `details.effect` says what is known of the effect.
   */
  handleTask(task: Task, context: TaskContext): unknown {
    const { capabilities = {}, handleTask } = this.#options;
    const names = Object.keys(capabilities);
    const name = task.capability ?? (names.length === 1 ? names[0] : undefined);
    const handler = name === undefined || !Object.hasOwn(capabilities, name) ? undefined : capabilities[name]?.handler;
    if (handler) return handler(task.args, context);
    if (handleTask) return handleTask(task, context);
    throw new AipError(
      'UNSUPPORTED_OPERATION',
      `${this.#options.name} cannot do that; it offers ${names.join(', ') || 'nothing'}.`,
      { details: { effect: 'none' } },
    );
  }

  /** Resolves once registered; until then it keeps trying, and says why it has to. */
  async start(): Promise<void> {
    this.#stopped = new AbortController();
    for (let failures = 1; ; failures++) {
      try {
        await this.client.connect();
        await this.client.register(this.#announcement());
        return;
      } catch (thrown) {
        const error = toAipError(thrown);
        if (FINAL.has(error.code) || this.#stopped.signal.aborted) throw error;
        const wait = waitAfter(failures, atTheDoor(error, this.#options.backoff));
        this.#log(`${error.message} Trying again in ${Math.ceil(wait / 1000)} s.`);
        await delay(wait, undefined, { signal: this.#stopped.signal }).catch(() => {
          throw new AipError('CANCELED', 'The agent was stopped before it could register.', { cause: error });
        });
      }
    }
  }

  /** Leaves the gateway. Work under way is canceled. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const run of this.#running.values()) run.cancel();
    await this.client.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #announcement(): Announcement {
    const { name, description, version, capabilities = {}, joinToken = process.env['AIP_JOIN_TOKEN'] } = this.#options;
    return {
      name,
      ...(description === undefined ? {} : { description }),
      ...(version === undefined ? {} : { version }),
      ...(joinToken === undefined || joinToken === '' ? {} : { join_token: joinToken }),
      capabilities: Object.entries(capabilities).map(([id, capability]) => announced(id, capability)),
    };
  }

  /** A task known already is not begun again: its run, or its result, answers this frame too. */
  #accept(frame: RequestFrame): void {
    const key = taskKey(frame);
    const result = this.#results.get(key);
    if (result) return void answer(this.client, frame, result);
    const running = this.#running.get(key);
    if (running) return running.attach(frame);
    const run = startRun(this.client, frame, (task, context) => this.handleTask(task, context));
    this.#running.set(key, run);
    void run.ended.then((payload) => {
      this.#running.delete(key);
      this.#results.set(key, payload, JSON.stringify(payload).length);
    });
  }

  #report(status: ClientStatus): void {
    if (status.state === 'registered')
      this.#log(`connected as ${status.registration.name ?? this.#options.name}, ${this.did}`);
    if (status.state === 'lost')
      this.#log(`${status.error.message} Trying again in ${Math.ceil(status.retryIn / 1000)} s.`);
    if (status.state === 'closed' && status.error) this.#log(status.error.message);
    if (status.state === 'rejected-frame') this.#log(`A frame was not accepted: ${status.error.message}`);
  }
}

function announced(
  name: string,
  { description, inputSchema, outputSchema, effect, idempotent, price }: Capability,
): IoapCapability {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(inputSchema === undefined ? {} : { input_schema: inputSchema }),
    ...(outputSchema === undefined ? {} : { output_schema: outputSchema }),
    ...(effect === undefined ? {} : { effect }),
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(price === undefined ? {} : { price: { amount: price } }),
  };
}
