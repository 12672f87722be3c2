import { createHash, timingSafeEqual } from 'node:crypto';
import { AipError } from '@aip/wire';
import { ANONYMOUS, DEFAULT_TENANT, type Credential, type Principal } from '../kernel/principal.ts';
import type { Logins } from './login.ts';
import type { TokenBook, TokenRow } from './tokens.ts';

/** What identity has to know about agents; the registry fills it in. */
export interface AgentFacts {
  agent(did: string): { readonly name: string; readonly tenant: string; readonly roles: readonly string[] } | undefined;
}

export interface AuthenticateOptions {
  readonly adminToken: string;
  readonly tokens: TokenBook;
  readonly logins: Logins;
  readonly agents: AgentFacts;
}

export const ADMIN: Principal = {
  id: 'user:admin',
  kind: 'user',
  name: 'admin',
  tenant: DEFAULT_TENANT,
  assurance: 'token',
  roles: ['admin'],
};

/** A sender as it is now, and whom it acts for: an agent's name and roles may have changed since it sent something. */
export function principalNow(agents: AgentFacts, principal: Principal): Principal {
  const { kind, id, onBehalfOf } = principal;
  const chain = onBehalfOf === undefined ? {} : { onBehalfOf: principalNow(agents, onBehalfOf) };
  if (kind !== 'agent') return { ...principal, ...chain };
  const known = agents.agent(id);
  return { ...principal, ...chain, name: known?.name ?? principal.name, roles: known?.roles ?? [] };
}

/** The authenticate slot: turns what an edge found on the wire into who speaks. Throws UNAUTHENTICATED. */
export function authenticator(options: AuthenticateOptions): (credential: Credential) => Principal {
  const admin = digest(options.adminToken);

  function bearer(token: string): Principal {
    if (timingSafeEqual(digest(token), admin)) return ADMIN;
    if (options.logins.isSession(token)) {
      const holder = options.logins.holder(token);
      // A session is worth what its token is worth.
      if (holder && (holder.token === undefined || options.tokens.holds(holder.token))) return holder;
      throw new AipError(
        'UNAUTHENTICATED',
        'This dashboard session has ended; open a new login URL ("aip dashboard" prints one).',
      );
    }
    const row = options.tokens.find(token);
    if (!row)
      throw new AipError(
        'UNAUTHENTICATED',
        'This token is unknown, revoked or expired; "aip token create" makes a new one.',
      );
    return row.agent === undefined ? servicePrincipal(row) : { ...agentBy(row.agent, 'token'), token: row.id };
  }

  function agentBy(did: string, assurance: Principal['assurance']): Principal {
    const known = options.agents.agent(did);
    return {
      id: did,
      kind: 'agent',
      name: known?.name ?? did,
      tenant: known?.tenant ?? DEFAULT_TENANT,
      assurance,
      roles: known?.roles ?? [],
    };
  }

  return (credential) => {
    switch (credential.kind) {
      case 'none':
        return ANONYMOUS;
      case 'bearer':
        return bearer(credential.token);
      case 'proved':
        return credential.principal;
      case 'signed':
        return agentBy(credential.did, 'signature');
      case 'local':
        return {
          id: `service:${credential.name}`,
          kind: 'service',
          name: credential.name,
          tenant: DEFAULT_TENANT,
          assurance: 'token',
          roles: credential.roles,
        };
    }
  };
}

/** Who comes with this token, unless it stands for an agent. */
export const servicePrincipal = (row: TokenRow): Principal => ({
  id: `service:${row.name}`,
  kind: 'service',
  name: row.name,
  tenant: row.tenant,
  assurance: 'token',
  roles: row.roles,
  token: row.id,
});

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
