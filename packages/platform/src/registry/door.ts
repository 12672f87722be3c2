import { createHmac, timingSafeEqual } from 'node:crypto';
import { AipError, makeToken, parseToken } from '@aip/wire';
import type { EntryDraft } from '../kernel/entry.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { Principal } from '../kernel/principal.ts';
import { joinKey, pendingKey, type JoinRow } from './decider.ts';

/** Strangers that may wait for an operator's word at a time. */
const MAX_PENDING = 1_000;

/** How strangers come in: with a join token, or by knocking and waiting for an operator. */
export interface Door {
  /** A new join token, and the invitation that the log keeps of it. */
  invite(invitation: Omit<JoinRow, 'id' | 'hash'>): { token: string; entry: EntryDraft };
  /** The entry that admits an agent by its join token; the commit decides that it is used once. Throws NOT_ADMITTED. */
  admission(principal: Principal, token: string, name: string): EntryDraft;
  /** Whether this token would open. */
  opens(principal: Principal, token: string): boolean;
  /** What is recorded of a knock: once for each stranger, and only so many strangers; otherwise nothing. */
  knock(principal: Principal, name: string): EntryDraft | false;
}

export function createDoor(read: () => JournalReader, pepper: Buffer, now: () => number): Door {
  const hash = (secret: string): string => createHmac('sha256', pepper).update(secret).digest('base64url');

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
    knock(principal, name) {
      const waits = read().row(principal.tenant, pendingKey(principal.id)) !== undefined;
      if (waits || read().open(principal.tenant, 'pending:').length >= MAX_PENDING) return false;
      return { kind: 'agent.request', head: { did: principal.id, name } };
    },
  };
}
