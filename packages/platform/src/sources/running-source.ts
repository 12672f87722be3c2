import { AipError, isJsonObject, toAipError } from '@aip/wire';
import type { Exchange } from '../exchange/index.ts';
import { argumentsOf, type Body } from '../kernel/body.ts';
import { errorBody, toErrorBody } from '../kernel/error-body.ts';
import type { Route, RouteCall } from '../kernel/route.ts';
import type { RouteEvent } from '../kernel/task.ts';
import { Interrupted, type Offer, type Source, type SourceKind, type SourceLog } from './source.ts';

/** First pause before a source that failed is tried again, and the longest, in milliseconds. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/** Changes that come together are looked at together, after this time in milliseconds. */
const SETTLE = 100;
/** Problems that are kept for the operator to see. */
const MAX_PROBLEMS = 20;
/** Values that a completion may hold (MCP 2026-07-28, completion). */
const MAX_VALUES = 100;

export interface SourceStatus {
  readonly name: string;
  readonly kind: SourceKind;
  /** `failed`: it could not be read; what it offered before, if anything, stays. */
  readonly state: 'starting' | 'active' | 'failed';
  readonly tools: number;
  readonly resources: number;
  /** Why it has failed. */
  readonly error?: string;
  /** What had to be left out. */
  readonly problems: readonly string[];
}

/** One source: read, kept up to date in the catalogue, its calls delivered. */
export interface RunningSource {
  status(): SourceStatus;
  /** Resolves once it was first tried, either way. */
  readonly tried: Promise<void>;
  stop(): Promise<void>;
}

export function runSource(exchange: Exchange, name: string, source: Source, log: SourceLog): RunningSource {
  const { catalogue, routes } = exchange;
  const stopping = new AbortController();
  const { promise: tried, resolve: firstTried } = Promise.withResolvers<void>();
  let offers: ReadonlyMap<string, Offer> = new Map();
  let state: SourceStatus['state'] = 'starting';
  let error: string | undefined;
  let problems: readonly string[] = [];
  let pause = FIRST_PAUSE;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function load(): Promise<void> {
    try {
      const loaded = await source.load(stopping.signal);
      if (stopping.signal.aborted) return;
      const before = offers;
      offers = new Map(loaded.offers.map((offer) => [offer.entry.address, offer]));
      if (state !== 'active' || !sameEntries(before, offers))
        catalogue.put(
          name,
          [...offers.values()].map(({ entry }) => entry),
        );
      for (const problem of loaded.problems.slice(0, MAX_PROBLEMS))
        if (!problems.includes(problem)) log('warn', 'a part of a source was left out', { source: name, problem });
      problems = loaded.problems.slice(0, MAX_PROBLEMS);
      if (state !== 'active')
        log('info', 'a source is there', { source: name, kind: source.kind, offers: offers.size });
      state = 'active';
      error = undefined;
      pause = FIRST_PAUSE;
    } catch (thrown) {
      if (stopping.signal.aborted) return;
      const { code, message } = toAipError(thrown);
      // Said once: it is tried again for as long as it fails.
      if (error !== message)
        log('warn', 'a source cannot be read', { source: name, kind: source.kind, code, error: message });
      state = 'failed';
      error = message;
      again(pause);
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    } finally {
      firstTried();
    }
  }

  function again(after: number): void {
    if (stopping.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(load);
    }, after).unref();
  }

  async function* deliver(call: RouteCall): AsyncIterable<RouteEvent> {
    // Whoever subscribes reads nothing by it.
    if (call.message.kind === 'signal')
      throw new AipError('UNSUPPORTED_OPERATION', 'Only resources of MCP servers can be watched.');
    yield await perform(call);
  }

  async function perform(call: RouteCall): Promise<RouteEvent> {
    const possible = call.entry.effect === 'read' ? 'none' : 'unknown';
    try {
      // A call that a restart has interrupted comes back before everything is read.
      await tried;
      const offer = offers.get(call.entry.address);
      if (!offer) throw new AipError('UNKNOWN_TARGET', `${name} does not offer this any more.`);
      const body =
        call.message.native?.['complete'] === undefined ? await offer.perform(call) : await complete(offer, call);
      return { type: 'done', body };
    } catch (thrown) {
      if (thrown instanceof Interrupted) return { type: 'failed', error: thrown.error.toJSON(), effect: possible };
      if (thrown instanceof AipError) return { type: 'failed', error: thrown.toJSON(), effect: 'none' };
      if (call.signal.aborted)
        return { type: 'failed', error: errorBody('CANCELED', `The call to ${name} was canceled.`), effect: possible };
      log('warn', 'a source failed in a call', { source: name, to: call.entry.address, error: String(thrown) });
      return { type: 'failed', error: toErrorBody(thrown), effect: possible };
    }
  }

  const unbind = routes.bind(name, { reach: 'remote', deliver } satisfies Route);
  routes.expect(name, tried);
  const unwatch = source.watch?.(() => again(SETTLE));
  running = load();

  return {
    tried,
    status: () => {
      const kinds = [...offers.values()].map(({ entry }) => entry.kind);
      const tools = kinds.filter((kind) => kind === 'tool').length;
      return {
        name,
        kind: source.kind,
        state,
        tools,
        resources: kinds.length - tools,
        ...(error === undefined ? {} : { error }),
        problems,
      };
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      unwatch?.();
      unbind();
      catalogue.remove(name);
      await running;
      await source.close?.();
    },
  };
}

/** Whether nothing that can be listed has changed, so that nobody has to be told. */
function sameEntries(before: ReadonlyMap<string, Offer>, after: ReadonlyMap<string, Offer>): boolean {
  if (before.size !== after.size) return false;
  return [...after].every(([address, { entry }]) => {
    const old = before.get(address)?.entry;
    return old !== undefined && JSON.stringify(old) === JSON.stringify(entry);
  });
}

/** CompleteResult (MCP 2026-07-28, completion). */
async function complete(offer: Offer, call: RouteCall): Promise<Body> {
  const { argument } = argumentsOf(call.message.body);
  const [name, begun] = isJsonObject(argument) ? [argument['name'], argument['value']] : [];
  const found = typeof name === 'string' && typeof begun === 'string' ? await offer.complete?.(name, begun) : undefined;
  const values = (found ?? []).slice(0, MAX_VALUES);
  return { type: 'mcp', value: { completion: { values, hasMore: (found ?? []).length > values.length } } };
}
