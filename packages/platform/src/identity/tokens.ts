import { createHmac, timingSafeEqual } from 'node:crypto';
import { makeToken, parseToken, type Json } from '@aip/wire';
import type { Decider, Entry, EntryDraft } from '../kernel/entry.ts';
import { errorBody } from '../kernel/error-body.ts';
import type { Journal } from '../kernel/journal.ts';

/** A token as it is stored: who it makes its bearer, and a keyed hash of its secret. */
export interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  readonly hash: string;
  readonly by: string;
  readonly created: number;
  /** Milliseconds since the Unix epoch. */
  readonly expires?: number;
  /** An agent that uses HTTP instead of signing frames. */
  readonly agent?: string;
}

/** What the removal of an agent says of its tokens. */
const tokensIn = ({ head }: Pick<Entry, 'head'>): readonly string[] => (head['tokens'] ?? []) as readonly string[];

const tokenKey = (id: string): string => `token:${id}`;

export const tokenDecider: Decider = {
  name: 'tokens',
  kinds: ['token.create', 'token.revoke', 'agent.remove'],
  keys: (entry) =>
    entry.kind === 'agent.remove' ? tokensIn(entry).map(tokenKey) : [tokenKey(entry.head['id'] as string)],
  decide(rows, entry) {
    // Its tokens go with an agent, for good: they do not wait for it to be admitted again.
    if (entry.kind === 'agent.remove') return tokensIn(entry).map((id) => ({ key: tokenKey(id), value: null }));
    const key = tokenKey(entry.head['id'] as string);
    if (entry.kind === 'token.create')
      return [{ key, value: { ...entry.head, created: entry.at, tenant: entry.tenant }, open: true }];
    if (!rows(key))
      return {
        refuse: errorBody('NOT_FOUND', `There is no token ${entry.head['id'] as string}; "aip token list" shows them.`),
      };
    return [{ key, value: null }];
  },
};

/** Tokens in memory, always as the log has them. */
export interface TokenBook {
  /** The row of a valid token; undefined when unknown, revoked or expired. */
  find(token: string): TokenRow | undefined;
  list(tenant: string): TokenRow[];
  /** Whether the token of this id has not been revoked. */
  holds(id: string): boolean;
  /** Makes a token; the entry has to be committed before the token works. */
  make(spec: Pick<TokenRow, 'name' | 'roles' | 'by'> & Partial<Pick<TokenRow, 'expires' | 'agent'>>): {
    token: string;
    entry: EntryDraft;
  };
}

export function createTokenBook(journal: Journal, pepper: Buffer, now: () => number): TokenBook {
  const rows = new Map<string, TokenRow>();
  const hash = (secret: string): string => createHmac('sha256', pepper).update(secret).digest('base64url');
  for (const tenant of journal.read.tenants()) {
    for (const { value } of journal.read.open(tenant, 'token:')) adopt(value as unknown as TokenRow);
  }
  journal.follow(['token.create'], (entry) =>
    adopt({ ...(entry.head as unknown as TokenRow), tenant: entry.tenant, created: entry.at }),
  );
  journal.follow(['token.revoke'], (entry) => void rows.delete(entry.head['id'] as string));
  journal.follow(['agent.remove'], (entry) => tokensIn(entry).forEach((id) => rows.delete(id)));

  function adopt(row: TokenRow): void {
    rows.set(row.id, row);
  }

  return {
    find(token) {
      const { id, secret } = parseToken(token);
      const row = rows.get(id);
      const given = Buffer.from(hash(secret));
      // Compared even when the id is unknown, so that timing does not tell which ids exist.
      const matches = timingSafeEqual(given, row ? Buffer.from(row.hash) : given) && row !== undefined;
      if (!matches || (row.expires !== undefined && row.expires < now())) return undefined;
      return row;
    },
    holds: (id) => rows.has(id),
    list: (tenant) => [...rows.values()].filter((row) => row.tenant === tenant),
    make(spec) {
      const { token, id, secret } = makeToken('key');
      const head = {
        id,
        name: spec.name,
        roles: [...spec.roles],
        hash: hash(secret),
        by: spec.by,
        ...(spec.expires === undefined ? {} : { expires: spec.expires }),
        ...(spec.agent === undefined ? {} : { agent: spec.agent }),
      };
      return { token, entry: { kind: 'token.create', head: head satisfies Json } };
    },
  };
}
