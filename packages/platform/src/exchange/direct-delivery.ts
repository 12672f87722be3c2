import { aipErrorFromBody, AipError, type Json, type JsonObject } from '@aip/wire';
import { valueOf, type Body } from '../kernel/body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Draft } from '../kernel/message.ts';
import type { Route } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { cannotWait, unavailable, type Acceptance } from './acceptance.ts';
import type { KnownRequests } from './known-request.ts';
import { admit, inspect, type Slots } from './pipeline.ts';
import type { Reception } from './reception.ts';
import { messageBody, messageHead } from './records.ts';

/** What crosses the guards and leaves an entry, but makes no task: signals, and the platform's own reads. */
export interface DirectDelivery {
  signal(session: Session, draft: Draft): Promise<void>;
  /** Guarded, run, and recorded as one entry before the answer leaves. */
  read(session: Session, draft: Draft): Promise<Json>;
}

export interface DirectDeliveryOptions {
  readonly slots: Slots;
  readonly reception: Reception;
  readonly acceptance: Acceptance;
  readonly known: KnownRequests;
  readonly telemetry: Telemetry;
}

export function createDirectDelivery({
  slots,
  reception,
  acceptance,
  known,
  telemetry,
}: DirectDeliveryOptions): DirectDelivery {
  const { commit, deny } = acceptance;

  async function signal(session: Session, draft: Draft): Promise<void> {
    const crossing = reception.cross(session, { ...draft, kind: 'signal' });
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return deny(crossing, verdict);
    if (verdict.verdict === 'ask') return deny(crossing, cannotWait('A signal'));
    const route = reception.routeTo(crossing.target);
    if (!route) return deny(crossing, unavailable(crossing.target));
    const head = messageHead(crossing) as unknown as JsonObject;
    const committed = await commit(crossing.principal.tenant, {
      kind: 'signal',
      head,
      body: messageBody(crossing.message, crossing.target),
    });
    if (!committed.ok) return deny(crossing, { verdict: 'deny', error: known.judged(crossing, committed.error) });
    telemetry.messages.add(1, { edge: crossing.message.edge, outcome: 'signal', code: 'OK' });
    await deliverOnce(route, crossing);
  }

  async function read(session: Session, draft: Draft): Promise<Json> {
    const crossing = reception.cross(session, draft);
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return deny(crossing, verdict);
    if (verdict.verdict === 'ask') return deny(crossing, cannotWait('A reading operation'));
    const result = await deliverOnce(reception.ownRoute, crossing);
    const head = {
      message: crossing.message.id,
      from: session.principal.id,
      to: crossing.message.to,
      edge: session.edge,
      policies: crossing.policies,
    };
    const committed = await commit(session.principal.tenant, { kind: 'read', head });
    if (!committed.ok) throw aipErrorFromBody(committed.error);
    return result ? valueOf(result) : null;
  }

  /** Delivers outside of any task; there is nobody to cancel it or to answer for it. */
  async function deliverOnce(route: Route, crossing: Crossing): Promise<Body | undefined> {
    const nobody = (): Promise<never> => Promise.reject(new AipError('UNSUPPORTED_OPERATION'));
    const delivery = {
      message: crossing.message,
      entry: crossing.target,
      signal: new AbortController().signal,
      answer: nobody,
      delivery: 1,
      redeliver: nobody,
    };
    for await (const raw of route.deliver(delivery)) {
      const event = inspect(slots, crossing, raw);
      if (event.type === 'failed') throw aipErrorFromBody(event.error);
      if (event.type === 'done') return event.body;
    }
    return undefined;
  }

  return { signal, read };
}
