import type { JsonObject } from '@aip/wire';
import type { Address } from './address.ts';
import type { Body } from './body.ts';

/** What a call changes: nothing, the platform's or agent's own state, or the world outside. */
export type Effect = 'read' | 'write' | 'external';

/** Whether a call may, or can only, be answered with a task to look at later. */
export type TaskSupport = 'optional' | 'required';

/** Anything that can be addressed. Each protocol's list is a projection of these. */
export interface CatalogueEntry {
  readonly address: Address;
  readonly kind: 'agent' | 'skill' | 'tool' | 'resource' | 'template' | 'prompt' | 'operation';
  /** The name inside its owner: a tool's own name, a skill's id, `agents.list`. */
  readonly name: string;
  /** Agent DID, server name, or operation domain: the policy parent and kill scope. */
  readonly owner: string;
  /** The owner's readable name. */
  readonly ownerName: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema?: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly effect: Effect;
  /** Set for operations that steer the platform itself. */
  readonly plane?: 'control';
  /** Whose it is; the platform's own when not said. */
  readonly tenant?: string;
  /** Arguments that are secrets: the target gets them, the log does not. */
  readonly secrets?: readonly string[];
  /** May be delivered again under the same key after a crash. */
  readonly idempotent: boolean;
  /** It asks its caller questions: its owner has it only for callers that can answer. */
  readonly asks?: true;
  /** It is made to be called as a task; any call may become one that takes long. */
  readonly tasks?: TaskSupport;
  /** Integer units for one call. */
  readonly price: number;
  readonly state: 'active' | 'offline' | 'quarantined' | 'gone';
  /** SHA-256 over the canonical name, description and schemas, for pinning. */
  readonly digest?: string;
  /** The protocol's own definition, whole (MCP Tool, Resource, Prompt), for same-protocol projections. */
  readonly native?: JsonObject;
  /** What a call does outside, where somebody else's document decides it (an HTTP request): pinned, shown to no caller. */
  readonly binding?: JsonObject;
  readonly tags?: readonly string[];
  readonly examples?: readonly Body[];
}
