import { AipError, type Json } from '@aip/wire';
import { waitAfter } from './backoff.ts';

export interface RequestOptions {
  /** Milliseconds until the task is canceled by the gateway. */
  readonly timeoutMs?: number;
  /** Asks for pieces of the answer: `kind` is `output`, `progress`, or `asked` when an operator has to approve first. */
  readonly onPartial?: (result: Json, kind: string) => void;
  /** Cancels the request. */
  readonly signal?: AbortSignal;
  /** How long to go on asking, in milliseconds, while the target is not connected; not at all unless told. */
  readonly patienceMs?: number;
}

/** A request whose answer has not come yet. */
export interface OpenRequest {
  readonly to: string;
  partial(result: Json, kind: string): void;
  resolve(result: Json): void;
  reject(error: AipError): void;
  /** It was not accepted. Who is merely away is asked again while there is patience. */
  refuse(error: AipError): void;
}

export interface RequestDraft {
  readonly to: string;
  readonly options: RequestOptions;
  /** Outlives the connection: it is put again on the next one. */
  readonly lasting: boolean;
  /** Until when an absent target is waited for in any case, in milliseconds since the Unix epoch. */
  patientUntil(): number;
  /** Sends it under a fresh frame id, told to `announce` before anything can answer it. */
  put(announce: (id: string) => void): Promise<void>;
  cancel(id: string): Promise<unknown>;
}

/** The requests of one client by the id of the frame that put them last. */
export interface OpenRequests {
  open(draft: RequestDraft): Promise<Json>;
  get(id: string): OpenRequest | undefined;
  /** Fails what does not outlive the connection. */
  connectionLost(error: AipError): void;
  putAgain(): void;
  failAll(error: AipError): void;
}

/** How long an answer may be late before it is given up, in milliseconds. */
const LATE = 10_000;

/** Refusals that may mean that the target has not come back yet. */
const AWAY: ReadonlySet<string> = new Set(['AGENT_UNAVAILABLE', 'UNKNOWN_TARGET']);
const ASK_AGAIN = { min: 200, max: 2_000 };

interface Entry extends OpenRequest {
  readonly lasting: boolean;
  put(): void;
}

export function createOpenRequests(): OpenRequests {
  const byId = new Map<string, Entry>();
  const all = new Set<Entry>();

  function open(draft: RequestDraft): Promise<Json> {
    const { options } = draft;
    const answer = Promise.withResolvers<Json>();
    let id = '';
    let refusals = 0;
    let again: NodeJS.Timeout | undefined;
    const patient = Date.now() + (options.patienceMs ?? 0);
    let received = 0;
    let skip = 0;

    const settle = (act: () => void): void => {
      all.delete(entry);
      byId.delete(id);
      clearTimeout(timer);
      clearTimeout(again);
      options.signal?.removeEventListener('abort', cancel);
      act();
    };
    const entry: Entry = {
      to: draft.to,
      lasting: draft.lasting,
      partial(result, kind) {
        // Put again, a task is told from its beginning.
        if (skip > 0) skip--;
        else {
          received++;
          options.onPartial?.(result, kind);
        }
      },
      resolve: (result) => settle(() => answer.resolve(result)),
      reject: (error) => settle(() => answer.reject(error)),
      refuse(error) {
        const waits = draft.lasting && AWAY.has(error.code) && Date.now() < Math.max(patient, draft.patientUntil());
        if (!waits) return entry.reject(error);
        byId.delete(id);
        again = setTimeout(() => entry.put(), waitAfter(++refusals, ASK_AGAIN));
      },
      put() {
        byId.delete(id);
        clearTimeout(again);
        again = undefined;
        skip = received;
        const announce = (fresh: string): void => {
          id = fresh;
          byId.set(id, entry);
        };
        draft.put(announce).catch((error: unknown) => {
          const lost = error instanceof AipError && error.code === 'AGENT_UNAVAILABLE';
          if (!lost || !draft.lasting) entry.reject(error as AipError);
        });
      },
    };
    const cancel = (): void => {
      if (again) return entry.reject(new AipError('CANCELED'));
      // Without a connection there is nobody to tell; the answer is of no interest any more either way.
      draft.cancel(id).catch(() => entry.reject(new AipError('CANCELED')));
    };
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => entry.reject(new AipError('TIMEOUT')), options.timeoutMs + LATE).unref();

    if (options.signal?.aborted) return Promise.reject(new AipError('CANCELED'));
    options.signal?.addEventListener('abort', cancel, { once: true });
    all.add(entry);
    entry.put();
    return answer.promise;
  }

  return {
    open,
    get: (id) => byId.get(id),
    connectionLost(error) {
      for (const entry of all) if (!entry.lasting) entry.reject(error);
    },
    putAgain() {
      for (const entry of all) if (entry.lasting) entry.put();
    },
    failAll(error) {
      for (const entry of all) entry.reject(error);
    },
  };
}
