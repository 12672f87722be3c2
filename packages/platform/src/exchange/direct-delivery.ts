import { aipErrorFromBody, AipError, type Json, type JsonObject } from '@aip/wire';
import { valueOf, type Body } from '../kernel/body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Draft } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Route } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { CancelReason } from '../kernel/task.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { cannotWait, unavailable, type Acceptance } from './acceptance.ts';
import type { Work } from './calls.ts';
import type { KnownRequests } from './known-request.ts';
import { canceledBy } from './outcome.ts';
import { admit, inspect, type Slots } from './pipeline.ts';
import type { Reception } from './reception.ts';
import { messageBody, messageHead } from './records.ts';

/**
 * Whether what a signal has begun still stands: not while anything in its scope is stopped, nor once its sender may no
 * longer be here.
 */
export type Stands = () => boolean;

/**
 * What crosses the guards and leaves an entry, but makes no task: signals, and the platform's own reads. Whoever sends
 * one may hand in a signal that is aborted when the caller goes away.
 */
export interface DirectDelivery {
  /** Resolves once it is delivered. */
  signal(session: Session, draft: Draft, caller?: AbortSignal): Promise<Stands>;
  /** Guarded, run, and recorded as one entry before the answer leaves. */
  read(session: Session, draft: Draft, caller?: AbortSignal): Promise<Json>;
  /** Ends what is meant of all that is under way: its sender is told why at once, however its target takes it. */
  cancelAll(meant: (work: Work) => boolean, reason: CancelReason): void;
  /** Each resolves when one that is under way now has ended. */
  ends(): readonly Promise<unknown>[];
}

export interface DirectDeliveryOptions {
  readonly slots: Slots;
  readonly reception: Reception;
  readonly acceptance: Acceptance;
  readonly known: KnownRequests;
  readonly isGone: (principal: Principal) => boolean;
  readonly telemetry: Telemetry;
}

/** One of them, from the guards on until its sender has its answer. */
interface Delivery {
  readonly crossing: Crossing;
  readonly ended: Promise<void>;
  cancel(reason: CancelReason): void;
}

export function createDirectDelivery({
  slots,
  reception,
  acceptance,
  known,
  isGone,
  telemetry,
}: DirectDeliveryOptions): DirectDelivery {
  const { commit, deny } = acceptance;
  const underWay = new Set<Delivery>();

  async function signal(session: Session, draft: Draft, caller?: AbortSignal): Promise<Stands> {
    const crossing = reception.cross(session, { ...draft, kind: 'signal' });
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return deny(crossing, verdict);
    if (verdict.verdict === 'ask') return deny(crossing, cannotWait('A signal'));
    const route = reception.routeTo(crossing.target);
    if (!route) return deny(crossing, unavailable(crossing.target));
    await cancelable(crossing, caller, async (canceled) => {
      const head = messageHead(crossing) as unknown as JsonObject;
      const body = messageBody(crossing.message, crossing.target);
      const committed = await commit(crossing.principal, { kind: 'signal', head, body });
      if (!committed.ok) return deny(crossing, { verdict: 'deny', error: known.judged(crossing, committed.error) });
      telemetry.messages.add(1, { edge: crossing.message.edge, outcome: 'signal', code: 'OK' });
      return deliver(route, crossing, canceled);
    });
    return () => !isGone(crossing.principal) && acceptance.stopFor(crossing) === undefined;
  }

  async function read(session: Session, draft: Draft, caller?: AbortSignal): Promise<Json> {
    const crossing = reception.cross(session, draft);
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return deny(crossing, verdict);
    if (verdict.verdict === 'ask') return deny(crossing, cannotWait('A reading operation'));
    return cancelable(crossing, caller, async (canceled) => {
      const result = await deliver(reception.ownRoute, crossing, canceled);
      const head = {
        message: crossing.message.id,
        from: session.principal.id,
        to: crossing.message.to,
        edge: session.edge,
        policies: crossing.policies,
      };
      const committed = await commit(session.principal, { kind: 'read', head });
      if (!committed.ok) throw aipErrorFromBody(committed.error);
      return result ? valueOf(result) : null;
    });
  }

  /** Nobody waits any longer for what is canceled, and nothing of it gets out. */
  async function cancelable<T>(
    crossing: Crossing,
    caller: AbortSignal | undefined,
    work: (canceled: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const stopped = Promise.withResolvers<never>();
    const ended = Promise.withResolvers<void>();
    const cancel = (reason: CancelReason): void => {
      controller.abort(reason);
      stopped.reject(aipErrorFromBody(canceledBy(reason)));
    };
    const leave = (): void => cancel('disconnect');
    const delivery: Delivery = { crossing, ended: ended.promise, cancel };
    underWay.add(delivery);
    caller?.addEventListener('abort', leave, { once: true });
    if (caller?.aborted) leave();
    try {
      const result = await Promise.race([stopped.promise, work(controller.signal)]);
      // Its end and its cancellation may come in one turn.
      return controller.signal.aborted ? await stopped.promise : result;
    } finally {
      underWay.delete(delivery);
      caller?.removeEventListener('abort', leave);
      ended.resolve();
    }
  }

  /** Delivers outside of any task: there is nobody to answer for it. */
  async function deliver(route: Route, crossing: Crossing, canceled: AbortSignal): Promise<Body | undefined> {
    const stop = canceled.aborted
      ? canceledBy(canceled.reason as CancelReason)
      : isGone(crossing.principal)
        ? canceledBy('revoked')
        : acceptance.stopFor(crossing);
    if (stop) throw aipErrorFromBody(stop);
    const nobody = (): Promise<never> => Promise.reject(new AipError('UNSUPPORTED_OPERATION'));
    const call = {
      message: crossing.message,
      entry: crossing.target,
      signal: canceled,
      answer: nobody,
      delivery: 1,
      redeliver: nobody,
    };
    for await (const raw of route.deliver(call)) {
      const event = inspect(slots, crossing, raw);
      if (event.type === 'failed') throw aipErrorFromBody(event.error);
      if (event.type === 'done') return event.body;
    }
    return undefined;
  }

  return {
    signal,
    read,
    cancelAll(meant, reason) {
      for (const delivery of underWay) if (meant(delivery.crossing)) delivery.cancel(reason);
    },
    ends: () => Array.from(underWay, ({ ended }) => ended),
  };
}
