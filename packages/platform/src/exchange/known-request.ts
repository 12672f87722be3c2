import { parseAddress, splitOwned } from '../kernel/address.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { Draft, Message } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Catalogue } from './catalogue.ts';
import { taskHead } from './history.ts';
import { idempotencyOf, rememberedTarget } from './records.ts';
import { idempotencyRow, type KnownKey } from './task-decider.ts';

/**
 * Requests that were accepted before under the key of their sender. Who comes back for one is led to its task, even
 * when its target is not there at the moment or somebody else offers the capability by now.
 */
export interface KnownRequests {
  /** The target that this request went to; undefined for a request that is new. */
  target(principal: Principal, draft: Draft): CatalogueEntry | undefined;
  /** The task of exactly this request. The commit decides again. */
  task(message: Message): string | undefined;
}

export function createKnownRequests(read: JournalReader, catalogue: Catalogue): KnownRequests {
  const known = (tenant: string, from: string, key: string): KnownKey | undefined =>
    read.row(tenant, idempotencyRow(from, key)) as unknown as KnownKey | undefined;

  return {
    target(principal, { to, idempotencyKey }) {
      const row = idempotencyKey === undefined ? undefined : known(principal.tenant, principal.id, idempotencyKey);
      const head = row && taskHead(read, principal.tenant, row.task);
      if (!head || !isSame(to, head.to)) return undefined;
      return catalogue.get(head.to) ?? rememberedTarget(head);
    },
    task(message) {
      const { idempotency } = idempotencyOf(message);
      const row = idempotency && known(message.from.tenant, message.from.id, idempotency.key);
      return row?.request === idempotency?.request ? row?.task : undefined;
    },
  };
}

/** Whether a request for `asked` may have gone to `went`: a capability goes to somebody's skill of that name. */
function isSame(asked: string, went: string): boolean {
  if (asked === went) return true;
  const { kind, name } = parseAddress(asked);
  const target = parseAddress(went);
  return kind === 'capability' && target.kind === 'skill' && splitOwned(target.name).name === name;
}
