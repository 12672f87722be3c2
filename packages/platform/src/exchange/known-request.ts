import { canonicalJson } from '@aip/wire';
import { parseAddress, splitOwned } from '../kernel/address.ts';
import { partsOf } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { errorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { Draft, Message } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Catalogue } from './catalogue.ts';
import { messageIn, taskHead } from './history.ts';
import { keptMessage, rememberedTarget } from './records.ts';
import { idempotencyRow, type KnownKey } from './task-decider.ts';

/**
 * Requests that were accepted before under the key of their sender. Who comes back for one is led to its task, even
 * when its target is not there at the moment or somebody else offers the capability by now.
 */
export interface KnownRequests {
  /** The target that this request went to; undefined for a request that is new. */
  target(principal: Principal, draft: Draft): CatalogueEntry | undefined;
  /** The task of exactly this request. The commit decides again. */
  task(crossing: Crossing): string | undefined;
  /** What the commit's refusal of a key that is taken means: the same request again, another one, or a replay. */
  judged(crossing: Crossing, refusal: ErrorBody): ErrorBody;
}

export function createKnownRequests(read: JournalReader, catalogue: Catalogue): KnownRequests {
  const known = (tenant: string, from: string, key: string): KnownKey | undefined =>
    read.row(tenant, idempotencyRow(from, key)) as unknown as KnownKey | undefined;

  /** Secrets are not kept, so they are not compared either; a request whose content has been erased is no longer known. */
  function isRepeated({ message, target }: Crossing, { entry }: Pick<KnownKey, 'entry'>): boolean {
    const first = messageIn(read, message.from.tenant, entry);
    return first !== undefined && requestOf(first) === requestOf(keptMessage(message, target));
  }

  return {
    target(principal, { to, idempotencyKey }) {
      const row = idempotencyKey === undefined ? undefined : known(principal.tenant, principal.id, idempotencyKey);
      const head = row && taskHead(read, principal.tenant, row.task);
      if (!head || !isSame(to, head.to)) return undefined;
      return catalogue.get(head.to) ?? rememberedTarget(head);
    },
    task(crossing) {
      const { from, idempotencyKey } = crossing.message;
      const row = idempotencyKey === undefined ? undefined : known(from.tenant, from.id, idempotencyKey);
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
  signed ?? canonicalJson({ to, action, parts: partsOf(body) });

/** Whether a request for `asked` may have gone to `went`: a capability goes to somebody's skill of that name. */
function isSame(asked: string, went: string): boolean {
  if (asked === went) return true;
  const { kind, name } = parseAddress(asked);
  const target = parseAddress(went);
  return kind === 'capability' && target.kind === 'skill' && splitOwned(target.name).name === name;
}
