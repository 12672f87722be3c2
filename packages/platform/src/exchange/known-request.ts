import { canonicalJson } from '@aip/wire';
import { errorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { Draft, Message } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Catalogue } from './catalogue.ts';
import { messageIn, taskHead } from './history.ts';
import { keptMessage, rememberedTarget, wholeOf } from './records.ts';
import type { Meant } from './resource-meant.ts';
import { idempotencyRow, type KnownKey } from './task-decider.ts';

/**
 * Requests that were accepted before under the key of their sender. Who comes back for one is led to its task, even
 * when its target is not there at the moment, or what it asks for would be resolved to another by now.
 */
export interface KnownRequests {
  /** What this request came to; undefined for one that is new. The commit decides again. */
  meant(principal: Principal, draft: Draft): Meant | undefined;
  /** The task of exactly this request. The commit decides again. */
  task(crossing: Crossing): string | undefined;
  /** What the commit's refusal of a key that is taken means: the same request again, another one, or a replay. */
  judged(crossing: Crossing, refusal: ErrorBody): ErrorBody;
}

export function createKnownRequests(read: JournalReader, catalogue: Catalogue): KnownRequests {
  const known = (tenant: string, from: string, key: string | undefined): KnownKey | undefined =>
    key === undefined ? undefined : (read.row(tenant, idempotencyRow(from, key)) as unknown as KnownKey | undefined);

  /** Secrets are not kept, so they are not compared either; a request whose content has been erased is no longer known. */
  function isRepeated({ message, target }: Crossing, { entry }: Pick<KnownKey, 'entry'>): boolean {
    const first = messageIn(read, message.from.tenant, entry);
    if (first === undefined) return false;
    const again = keptMessage(message, target);
    return requestOf(first) === requestOf(again) || requestOf(asAsked(first)) === requestOf(asAsked(again));
  }

  return {
    meant({ tenant, id }, draft) {
      const row = known(tenant, id, draft.idempotencyKey);
      const head = row && taskHead(read, tenant, row.task);
      const first = head && messageIn(read, tenant, row.entry);
      if (!first || !mayBe(first, draft)) return undefined;
      const target = catalogue.get(head.to) ?? rememberedTarget(head);
      return { target, body: first.asked?.body ? first.body : draft.body };
    },
    task(crossing) {
      const { from, idempotencyKey } = crossing.message;
      const row = known(from.tenant, from.id, idempotencyKey);
      return row && isRepeated(crossing, row) ? row.task : undefined;
    },
    judged(crossing, refusal) {
      const { task, entry } = refusal.details ?? {};
      if (refusal.code !== 'DUPLICATE' || typeof entry !== 'number') return refusal;
      if (isRepeated(crossing, { entry })) return refusal;
      if (crossing.message.signed === undefined)
        return errorBody('IDEMPOTENCY_CONFLICT', CONFLICT, { task: task ?? null });
      return errorBody('REPLAY_DETECTED', REPLAY);
    },
  };
}

const CONFLICT = 'This idempotency key was used for a different request; use a new key.';
const REPLAY = 'A different frame with this id has been accepted before; every frame needs a fresh id.';

/** A signed frame is its own idempotency key: the same bytes are the same request, other bytes under its id a replay. */
const requestOf = ({ signed, to, action, body }: Message): string =>
  signed ?? canonicalJson({ to, action, ...wholeOf(body) });

const asAsked = (message: Message): Message => ({ ...message, ...message.asked });

/** Whether this may be the same request: it names the same; and asks it for the same, where that was resolved as well. */
function mayBe(first: Message, { to, body }: Draft): boolean {
  if (to !== first.to && to !== first.asked?.to) return false;
  return !first.asked?.body || canonicalJson(wholeOf(first.asked.body)) === canonicalJson(wholeOf(body));
}
