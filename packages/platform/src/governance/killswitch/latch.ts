import type { EntryDraft } from '../../kernel/entry.ts';
import type { ErrorBody } from '../../kernel/error-body.ts';
import type { JournalReader } from '../../kernel/journal.ts';
import { DEFAULT_TENANT } from '../../kernel/principal.ts';
import { outlasts, stopped, type KillMode, type KillRow } from './decider.ts';

/** A stop as it was ordered, in memory before it is on disk. */
export interface Stop {
  readonly scope: string;
  /** What the agent it stops is called, if it is known here. */
  readonly name?: string;
  readonly mode: KillMode;
  readonly reason: string;
  readonly by: string;
  readonly tenant: string;
  /** When the order was received, milliseconds since the Unix epoch: T of "last message accepted at T+x". */
  readonly received: number;
  /** Id of the message that ordered it. */
  readonly message: string;
  /** Whether anything known had this scope when the order came. */
  readonly matches: boolean;
  /** How many sessions it closed and tasks it stopped. */
  sessions: number;
  tasks: number;
}

/** The scope of everything. A stop of it by the platform's own tenant is in force for every tenant. */
export const GLOBAL = 'global';

/**
 * What is stopped, in memory, tenant by tenant. A kill latches here before it is on disk; the commit stays the
 * authority.
 */
export interface Latch {
  set(stop: Stop): void;
  /** The release that this message asked for is in the log: of its scope only what has been ordered since is stopped. */
  clear(tenant: string, scope: string, message: string): void;
  /** The refusal for the first stopped scope among these. */
  blocks(tenant: string, scopes: readonly string[]): ErrorBody | undefined;
  /** The stop that this message ordered, while it is not durable. */
  order(message: string): Stop | undefined;
  /** The entry of the stop that this message ordered is in the log. */
  recorded(message: string): void;
  /** Stops that are in force and not in the log, oldest first. */
  notDurable(): readonly Stop[];
  load(read: JournalReader): void;
}

export function createLatch(): Latch {
  const stops = new Map<string, { mode: KillMode; refusal: ErrorBody }>();
  const orders = new Map<string, Stop>();

  function put(tenant: string, stop: Pick<KillRow, 'scope' | 'name' | 'mode' | 'reason'>): void {
    const id = idOf(tenant, stop.scope);
    const standing = stops.get(id);
    if (!standing || !outlasts(standing.mode, stop.mode)) stops.set(id, { mode: stop.mode, refusal: stopped(stop) });
  }

  return {
    set(stop) {
      put(stop.tenant, stop);
      orders.set(stop.message, stop);
    },
    clear(tenant, scope, message) {
      stops.delete(idOf(tenant, scope));
      for (const stop of Array.from(orders.values())) {
        if (stop.tenant !== tenant || stop.scope !== scope) continue;
        // Ids of messages rise in the order in which they have come.
        if (stop.message > message) put(tenant, stop);
        else orders.delete(stop.message);
      }
    },
    blocks(tenant, scopes) {
      if (stops.size === 0) return undefined;
      for (const scope of scopes) {
        const stop = stops.get(idOf(tenant, scope));
        if (stop) return stop.refusal;
      }
      return scopes.includes(GLOBAL) ? stops.get(idOf(DEFAULT_TENANT, GLOBAL))?.refusal : undefined;
    },
    order: (message) => orders.get(message),
    recorded: (message) => void orders.delete(message),
    notDurable: () => [...orders.values()],
    load(read) {
      for (const tenant of read.tenants()) {
        for (const { value } of read.open(tenant, 'kill:')) put(tenant, value as unknown as KillRow);
      }
    },
  };
}

const idOf = (tenant: string, scope: string): string => `${tenant}\n${scope}`;

export const killEntry = (stop: Stop): EntryDraft => ({
  kind: 'kill',
  head: {
    scope: stop.scope,
    ...(stop.name === undefined ? {} : { name: stop.name }),
    mode: stop.mode,
    reason: stop.reason,
    by: stop.by,
    received_at: stop.received,
    message: stop.message,
  },
});
