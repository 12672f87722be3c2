import type { Principal } from '../../../../kernel/principal.ts';

/** Whose tokens are presented to a server. */
export interface Account {
  readonly tenant: string;
  /** A principal's id, or `server:<name>` when the platform logs in for everybody. */
  readonly owner: string;
}

export const accountOf = ({ tenant, id }: Principal): Account => ({ tenant, owner: id });

export const accountKey = ({ tenant, owner }: Account): string => JSON.stringify([tenant, owner]);
