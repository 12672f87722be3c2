import { setTimeout as delay } from 'node:timers/promises';
import {
  AipError,
  aipErrorFromBody,
  isJsonObject,
  parseJson,
  type ErrorBody,
  type Json,
  type JsonObject,
} from '@aip/wire';
import { DEFAULT_BACKOFF, waitAfter } from './backoff.ts';
import type { Operations } from './operations.generated.ts';
import { readServerSentEvents } from './server-sent-events.ts';

export interface AipClientOptions {
  /** Where the platform is; AIP_URL or http://127.0.0.1:8000 unless given. */
  readonly url?: string;
  /** API token; AIP_TOKEN unless given. */
  readonly token?: string;
}

/** The name of an operation of this version; {@link AipClient.operate} takes those of others too. */
export type OperationName = keyof Operations;
type Input<Name extends string> = Name extends OperationName ? Operations[Name]['input'] : JsonObject;
type Output<Name extends string> = Name extends OperationName ? Operations[Name]['output'] : Json;

export interface OperateOptions {
  /** The same key with the same input is done once, within 24 hours. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface InvokeOptions extends OperateOptions {
  /** Groups calls that belong together. */
  readonly conversation?: string;
  /** The task of yours on whose behalf you call. */
  readonly parent?: string;
  /** Milliseconds after which the platform cancels the call. */
  readonly timeout?: number;
  /** Called when the platform is lost during a streamed call, before its return is waited for. */
  readonly onLost?: () => void;
}

/** One recorded step of a task, numbered from 1. */
export interface TaskUpdate extends JsonObject {
  task: string;
  n: number;
  /** Milliseconds since the Unix epoch. */
  at: number;
  /** One of the eight states of A2A 1.0 (section 4.1.3). */
  state: string;
  /** `submitted`, `working`, `output`, `progress`, `log`, `asked`, `answered`; `done`, `failed` or `canceled` ends the task. */
  type: string;
  /** What an `output` or `done` step carries. */
  value?: Json;
  /** Why the task ended without a result. */
  error?: ErrorBody;
  /** Who or what the task waits for. */
  ask?: { id: string; kind: string; body: JsonObject };
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'canceled', 'rejected']);
/** Attempts in a row to take up a stream again before giving up. */
const MAX_ATTEMPTS = 8;
const MAX_ANSWER = { maxBytes: 64 * 1024 * 1024 };

/** Nothing answers where the platform should be. */
export class UnreachableError extends AipError {
  constructor(url: string, cause?: unknown) {
    super('AGENT_UNAVAILABLE', `No platform answers at ${url}; start it with "aip up".`, { cause });
  }
}

/**
 * The platform as a program sees it: its operations, and every agent and tool behind it.
 *
 *     const aip = new AipClient();
 *     const { agents } = await aip.operate('agents.list', { state: 'connected' });
 *     const answer = await aip.invoke('agent:echo', { text: 'hello' });
 *
 * Every method throws an AipError: the one the platform answers with, or {@link UnreachableError}.
 */
export class AipClient {
  readonly url: string;
  readonly #token: string | undefined;

  constructor(options: AipClientOptions = {}) {
    this.url = webAddress(options.url ?? process.env['AIP_URL'] ?? 'http://127.0.0.1:8000');
    this.#token = options.token ?? process.env['AIP_TOKEN'];
  }

  /** Runs an operation of the platform. */
  async operate<const Name extends OperationName | (string & {})>(
    name: Name,
    input: Input<Name>,
    options: OperateOptions = {},
  ): Promise<Output<Name>> {
    const response = await this.#post(`/v1/${name.replace('.', '/')}`, input, options);
    return (await readJson(response)) as Output<Name>;
  }

  /** Calls an agent, skill, capability or tool by its address, and waits for the result however long it takes. */
  async invoke(to: string, args: JsonObject | string = {}, options: InvokeOptions = {}): Promise<Json> {
    let last: TaskUpdate | undefined;
    for await (const update of this.stream(to, args, options)) last = update;
    return resultOf(last);
  }

  /** Calls like {@link invoke} and gives every step as it is recorded; takes the stream up again when it is cut. */
  async *stream(to: string, args: JsonObject | string = {}, options: InvokeOptions = {}): AsyncGenerator<TaskUpdate> {
    const { conversation, parent, timeout } = options;
    const invocation: JsonObject = {
      to,
      arguments: args,
      stream: true,
      ...(conversation === undefined ? {} : { conversation }),
      ...(parent === undefined ? {} : { parent }),
      ...(timeout === undefined ? {} : { timeout_ms: timeout }),
    };
    const response = await this.#post('/v1/invoke', invocation, options);
    const task = response.headers.get('x-aip-task');
    if (task === null) throw new AipError('UPSTREAM_FAILED', `${this.url} does not answer as a platform does.`);
    const seen = yield* updates(response);
    if (!seen.ended) yield* this.#follow(task, seen.last, options);
  }

  /** The steps of a task after number `after`, to its end. Takes the stream up again when it is cut. */
  follow(task: string, after = 0, signal?: AbortSignal): AsyncGenerator<TaskUpdate> {
    return this.#follow(task, after, signal ? { signal } : {});
  }

  async *#follow(
    task: string,
    after: number,
    { signal, onLost }: Pick<InvokeOptions, 'signal' | 'onLost'>,
  ): AsyncGenerator<TaskUpdate> {
    let last = after;
    for (let failures = 0; failures < MAX_ATTEMPTS;) {
      try {
        const response = await this.#request(`/v1/tasks/${encodeURIComponent(task)}/events`, {
          headers: { ...this.#headers(), 'last-event-id': String(last) },
          ...(signal ? { signal } : {}),
        });
        if (response.status === 204) return;
        const seen = yield* updates(response, last);
        if (seen.ended) return;
        failures = seen.last > last ? 0 : failures + 1;
        last = seen.last;
      } catch (error) {
        if (!(error instanceof UnreachableError) || signal?.aborted) throw error;
        if (failures++ === 0) onLost?.();
      }
      if (failures > 0) await delay(waitAfter(failures, DEFAULT_BACKOFF), undefined, signal ? { signal } : {});
    }
    throw new UnreachableError(this.url);
  }

  #headers(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  #post(path: string, body: JsonObject, { idempotencyKey, signal }: OperateOptions): Promise<Response> {
    const headers = {
      ...this.#headers(),
      'content-type': 'application/json',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
    return this.#request(path, { method: 'POST', headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) });
  }

  async #request(path: string, init: RequestInit): Promise<Response> {
    const response = await fetch(`${this.url}${path}`, { ...init, redirect: 'error' }).catch((cause: unknown) => {
      if (init.signal?.aborted) throw new AipError('CANCELED', 'The call was canceled.', { cause });
      throw new UnreachableError(this.url, cause);
    });
    if (response.ok) return response;
    const body = await readJson(response);
    if (isJsonObject(body) && isJsonObject(body['error'])) throw aipErrorFromBody(body['error']);
    throw new AipError(
      'UPSTREAM_FAILED',
      `${this.url} answers with status ${response.status}, but not as a platform does.`,
    );
  }
}

/** Throws CONFIG_INVALID for what `fetch` cannot call: a host and port alone are no URL. */
function webAddress(url: string): string {
  if (/^https?:\/\//i.test(url)) return url.replace(/\/+$/, '');
  throw new AipError(
    'CONFIG_INVALID',
    `The URL of the platform (AIP_URL) needs http:// or https://, as in http://127.0.0.1:8000; it is "${url}".`,
  );
}

/** The result of a task from its last step. Throws why there is none. */
function resultOf(last: TaskUpdate | undefined): Json {
  if (last?.type === 'done') return last.value ?? null;
  throw aipErrorFromBody(
    last?.error ?? { code: 'UPSTREAM_FAILED', message: 'The task ended without a result.', retryable: false },
  );
}

/** Yields the updates of one answer above `after`; returns the last number and whether the task has ended. */
async function* updates(response: Response, after = 0): AsyncGenerator<TaskUpdate, { last: number; ended: boolean }> {
  let last = after;
  try {
    for await (const { id, data } of readServerSentEvents(response.body ?? new ReadableStream())) {
      // Events without a number are about the stream, not the task.
      if (id === undefined || Number(id) <= last) continue;
      const update = parseJson(data, MAX_ANSWER) as TaskUpdate;
      last = update.n;
      yield update;
      if (ENDED.has(update.state)) return { last, ended: true };
    }
  } catch (error) {
    // A stream that is cut is taken up again after its last number.
    if (error instanceof AipError || !isNetworkError(error)) throw error;
  }
  return { last, ended: false };
}

/** `fetch` reports a connection lost in the middle of a body as a TypeError. */
const isNetworkError = (error: unknown): boolean => error instanceof TypeError;

async function readJson(response: Response): Promise<Json> {
  const text = await response.text();
  try {
    return parseJson(text, MAX_ANSWER);
  } catch {
    return null;
  }
}
