/** How strongly the exchange knows who speaks; each level includes the ones before it. */
export type Assurance = 'none' | 'token' | 'signature' | 'credential' | 'attested';

export type PrincipalKind = 'agent' | 'user' | 'service' | 'anonymous';

/**
 * Who speaks. `id` is a DID for agents, `user:<name>` or `service:<name>` otherwise, with `<issuer>:<subject>` as the
 * name of whom an OAuth issuer knows.
 * Delegation is a chain (`onBehalfOf`), never a swap; rights along it intersect.
 */
export interface Principal {
  readonly id: string;
  readonly kind: PrincipalKind;
  readonly name: string;
  readonly tenant: string;
  readonly assurance: Assurance;
  readonly roles: readonly string[];
  /** What an OAuth access token was granted; without one there are no scopes to stay within. */
  readonly scopes?: readonly string[];
  readonly onBehalfOf?: Principal;
  /** Id of the API token that it came with. */
  readonly token?: string;
}

/** What an edge extracts from the wire; the authenticate slot turns it into a {@link Principal}. */
export type Credential =
  | { readonly kind: 'none' }
  /** `Authorization: Bearer <token>`, or a dashboard session cookie's value. */
  | { readonly kind: 'bearer'; readonly token: string }
  /** Whoever an access token, verified for what this very request asks for, says that it is. */
  | { readonly kind: 'proved'; readonly principal: Principal }
  /** A frame whose signature the edge has verified against the key inside the DID. */
  | { readonly kind: 'signed'; readonly did: string }
  /** The process itself (start-up, recovery, stdio of the operator's own terminal). */
  | { readonly kind: 'local'; readonly name: string; readonly roles: readonly string[] };

export const DEFAULT_TENANT = 'default';

export const ANONYMOUS: Principal = {
  id: 'anonymous',
  kind: 'anonymous',
  name: 'anonymous',
  tenant: DEFAULT_TENANT,
  assurance: 'none',
  roles: [],
};
