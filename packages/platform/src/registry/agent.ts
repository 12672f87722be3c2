import { z } from 'zod';
import type { CatalogueEntry } from '../kernel/catalogue.ts';

export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i, 'letters, digits, dash and underscore, at most 63');

export const capabilitySchema = z.object({
  name: nameSchema,
  description: z.string().max(2_000).default(''),
  input_schema: z.record(z.string(), z.any()).optional(),
  output_schema: z.record(z.string(), z.any()).optional(),
  effect: z.enum(['read', 'write', 'external']).default('external'),
  /** Promises that the same key is never executed twice, so that a step may be delivered again. */
  idempotent: z.boolean().default(false),
  /** Integer units for one call. */
  price: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
});

export type Capability = z.infer<typeof capabilitySchema>;

/** An agent as the log knows it. */
export interface AgentRow {
  readonly did: string;
  readonly name: string;
  /** An operator gave it this name, so it is not the agent's to change. */
  readonly named?: boolean;
  readonly description: string;
  readonly version: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  readonly protocol: string;
  readonly capabilities: readonly Capability[];
  readonly admitted: number;
  readonly admittedBy: string;
}

/** What is known of a connection, in memory only. Milliseconds since the Unix epoch. */
export interface Presence {
  readonly connected: number;
  active: number;
}

/** An agent as operations and edges show it. */
export const agentViewSchema = z.object({
  did: z.string(),
  name: z.string(),
  description: z.string(),
  version: z.string(),
  state: z.enum(['connected', 'offline']),
  protocol: z.string(),
  capabilities: z.array(capabilitySchema),
  roles: z.array(z.string()),
  admitted_at: z.string(),
  admitted_by: z.string(),
  connected_at: z.string().optional(),
  last_activity: z.string().optional(),
});

export type AgentView = z.infer<typeof agentViewSchema>;

/** Somebody who proved to own a DID and asks to join. `asked` in milliseconds since the Unix epoch. */
export const strangerSchema = z.object({ did: z.string(), name: z.string(), asked: z.number() });

export function agentView(row: AgentRow, presence: Presence | undefined): AgentView {
  return {
    did: row.did,
    name: row.name,
    description: row.description,
    version: row.version,
    state: presence ? 'connected' : 'offline',
    protocol: row.protocol,
    capabilities: [...row.capabilities],
    roles: [...row.roles],
    admitted_at: new Date(row.admitted).toISOString(),
    admitted_by: row.admittedBy,
    ...(presence
      ? {
          connected_at: new Date(presence.connected).toISOString(),
          last_activity: new Date(presence.active).toISOString(),
        }
      : {}),
  };
}

/** The agent and its skills as things that can be addressed. */
export function catalogueEntries(row: AgentRow, connected: boolean): CatalogueEntry[] {
  const state = connected ? 'active' : 'offline';
  const common = { owner: row.did, ownerName: row.name, tenant: row.tenant, state } as const;
  const agent: CatalogueEntry = {
    ...common,
    address: `agent:${row.did}`,
    kind: 'agent',
    name: row.name,
    description: row.description,
    effect: 'external',
    idempotent: row.capabilities.length > 0 && row.capabilities.every((capability) => capability.idempotent),
    // Addressing the agent instead of a skill must not be the cheaper way in.
    price: Math.max(0, ...row.capabilities.map((capability) => capability.price)),
  };
  return [agent, ...row.capabilities.map((capability) => skillEntry(row, capability, common))];
}

function skillEntry(
  row: AgentRow,
  capability: Capability,
  common: Pick<CatalogueEntry, 'owner' | 'ownerName' | 'tenant' | 'state'>,
): CatalogueEntry {
  return {
    ...common,
    address: `skill:${row.did}/${capability.name}`,
    kind: 'skill',
    name: capability.name,
    description: capability.description,
    // An agent's own word on its effect is not trusted; its promise to be idempotent only binds itself.
    effect: 'external',
    idempotent: capability.idempotent,
    price: capability.price,
    ...(capability.input_schema ? { inputSchema: capability.input_schema } : {}),
    ...(capability.output_schema ? { outputSchema: capability.output_schema } : {}),
  };
}
