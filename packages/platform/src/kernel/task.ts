import type { Address } from './address.ts';
import type { Ask } from './ask.ts';
import type { Body } from './body.ts';
import type { EntryDraft } from './entry.ts';
import type { ErrorBody } from './error-body.ts';
import type { Action, EdgeName } from './message.ts';

/** The eight states of A2A 1.0 (section 4.1.3). */
export const TASK_STATES = [
  'submitted',
  'working',
  'input_required',
  'auth_required',
  'completed',
  'failed',
  'canceled',
  'rejected',
] as const;

export type TaskState = (typeof TASK_STATES)[number];

const TERMINAL: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'canceled', 'rejected']);
export const isTerminal = (state: TaskState): boolean => TERMINAL.has(state);

/**
 * By whom, or by what. `operator`: who oversees it; `assignee`: who works on it; `revoked`: who sent it, or who works on
 * it, may no longer be here.
 */
export type CancelReason =
  | 'caller'
  | 'operator'
  | 'assignee'
  | 'deadline'
  | 'kill'
  | 'revoked'
  | 'disconnect'
  | 'shutdown';

/** What is known of a call's effect on the outside world when it has ended. */
export type EffectState = 'none' | 'applied' | 'unknown';

/** What a route yields while it works. Exactly one `done` or `failed` ends it. */
export type RouteEvent =
  /** `handle`: by what the target knows this work. After a restart it is asked for by it, not done again. */
  | { readonly type: 'working'; readonly body?: Body; readonly handle?: string }
  /** A piece of output: an A2A artifact, an IoAP partial result. `append` continues the artifact of that id. */
  | {
      readonly type: 'output';
      readonly body: Body;
      readonly artifactId?: string;
      readonly name?: string;
      readonly append?: boolean;
      readonly last?: boolean;
    }
  | { readonly type: 'progress'; readonly progress: number; readonly total?: number; readonly message?: string }
  | { readonly type: 'log'; readonly level: string; readonly data: Body; readonly logger?: string }
  | { readonly type: 'asked'; readonly ask: Ask }
  | { readonly type: 'answered'; readonly askId: string; readonly body?: Body }
  /** `entries`: what a local operation changes, committed in one group with the end of the task. */
  | {
      readonly type: 'done';
      readonly body: Body;
      readonly entries?: readonly EntryDraft[];
      /** The body holds a secret: it is answered but not recorded. */ readonly secret?: true;
    }
  | { readonly type: 'failed'; readonly error: ErrorBody; readonly effect: EffectState; readonly body?: Body };

/** What the exchange adds of its own to a task's stream. */
export type ExchangeEvent =
  | { readonly type: 'submitted' }
  /** Delivered again under its key: after a restart, or because the target was lost. */
  | { readonly type: 'redelivered' }
  | { readonly type: 'canceled'; readonly reason: CancelReason; readonly effect: EffectState };

/** One recorded step of a task: numbered from 1, durable before anybody sees it. */
export type TaskEvent = (RouteEvent | ExchangeEvent) & {
  readonly n: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly state: TaskState;
};

/** The durable head of a task: what `tasks.get` starts from. */
export interface TaskHead {
  readonly id: string;
  readonly message: string;
  readonly state: TaskState;
  /** The caller's principal id. */
  readonly from: string;
  readonly fromName: string;
  readonly to: Address;
  readonly action: Action;
  readonly edge: EdgeName;
  /** The agent or server that does the work (scope id), once accepted. */
  readonly assignee?: string;
  readonly conversationId?: string;
  readonly parentId?: string;
  /** Number of the last event. */
  readonly n: number;
  readonly created: number;
  readonly updated: number;
  /** Sequence number of the entry whose body holds the message. */
  readonly entry: number;
  /** The open ask a parked task waits for. */
  readonly askId?: string;
  readonly depth: number;
  /** How often it has been delivered; once when not said. */
  readonly deliveries?: number;
  /** Whether the step may be delivered again under its key after a crash. */
  readonly idempotent: boolean;
  readonly effect: 'read' | 'write' | 'external';
  readonly scopes: readonly string[];
  readonly hold?: Hold;
}

/** Money held for a call, in integer units; decided in the commit of its accept. */
export interface Hold {
  readonly payer: string;
  readonly payee: string;
  readonly amount: number;
  /** UTC day of the daily budget, `YYYY-MM-DD`. */
  readonly day: string;
}
