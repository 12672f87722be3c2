import { createHmac, timingSafeEqual } from 'node:crypto';
import { AipError, makeToken, parseToken } from '@aip/wire';
import type { EntryDraft } from '../kernel/entry.ts';
import type { JournalReader } from '../kernel/journal.ts';
import { networkOf } from '../kernel/network.ts';
import type { Principal } from '../kernel/principal.ts';
import { joinKey, pendingKey, type JoinRow, type PendingRow } from './decider.ts';

/** Strangers that may wait for an operator's word at a time: all of them, and those of one network. */
const MAX_PENDING = 1_000;
const MAX_NEIGHBOURS = 50;
/** How long a knock may take to be in the log, in milliseconds. */
const WRITTEN_WITHIN = 10_000;

/** How strangers come in: with a join token, or by knocking and waiting for an operator. */
export interface Door {
  /** A new join token, and the invitation that the log keeps of it. */
  invite(invitation: Omit<JoinRow, 'id' | 'hash'>): { token: string; entry: EntryDraft };
  /** The entry that admits an agent by its join token; the commit decides that it is used once. Throws NOT_ADMITTED. */
  admission(principal: Principal, token: string, name: string): EntryDraft;
  /** Whether this token would open. */
  opens(principal: Principal, token: string): boolean;
  /**
   * What is recorded of a knock: once for each stranger, and only so many strangers, of one network too; otherwise
   * nothing. `address` is the stranger's, where it is known.
   */
  knock(principal: Principal, name: string, address?: string): EntryDraft | false;
}

export function createDoor(read: () => JournalReader, pepper: Buffer, now: () => number): Door {
  const hash = (secret: string): string => createHmac('sha256', pepper).update(secret).digest('base64url');

  /** Who is on the way into the log, by DID: those who come at once are counted as well. */
  const knocking = new Map<string, { readonly via: string; readonly until: number }>();

  /** Throws NOT_ADMITTED, or UNAUTHENTICATED for what is no token at all. */
  function invitation(principal: Principal, token: string): JoinRow {
    const { kind, id, secret } = parseToken(token);
    const row = read().row(principal.tenant, joinKey(id)) as unknown as JoinRow | undefined;
    const given = Buffer.from(hash(secret));
    if (kind === 'join' && row && timingSafeEqual(given, Buffer.from(row.hash)) && row.expires >= now()) return row;
    throw new AipError('NOT_ADMITTED', 'This join token has been used or has expired; ask an operator for a new one.');
  }

  return {
    invite(row) {
      const { token, id, secret } = makeToken('join');
      return {
        token,
        entry: { kind: 'agent.invite', head: { ...row, roles: [...row.roles], id, hash: hash(secret) } },
      };
    },
    admission(principal, token, name) {
      const row = invitation(principal, token);
      const head = {
        did: principal.id,
        name: row.name ?? name,
        roles: [...row.roles],
        by: `join:${row.id}`,
        join: row.id,
      };
      return { kind: 'agent.admit', head };
    },
    opens(principal, token) {
      try {
        return invitation(principal, token) !== undefined;
      } catch {
        return false;
      }
    },
    knock(principal, name, address) {
      const { id, tenant } = principal;
      // Most knocks are of those who wait already, every few seconds.
      if (read().row(tenant, pendingKey(id))) return false;
      const waiting = read()
        .open(tenant, 'pending:')
        .map(({ value }) => value as unknown as PendingRow);
      const known = new Set(waiting.map(({ did }) => did));
      for (const [did, { until }] of knocking) if (known.has(did) || until < now()) knocking.delete(did);
      if (knocking.has(id)) return false;
      // Heads are never erased, and an address may be a person's.
      const via = hash(networkOf(address ?? '')).slice(0, 16);
      const all = [...waiting, ...knocking.values()];
      if (all.length >= MAX_PENDING || all.filter((other) => other.via === via).length >= MAX_NEIGHBOURS) return false;
      knocking.set(id, { via, until: now() + WRITTEN_WITHIN });
      return { kind: 'agent.request', head: { did: id, name, via } };
    },
  };
}
