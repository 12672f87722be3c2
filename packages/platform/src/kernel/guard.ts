import type { JsonObject } from '@aip/wire';
import type { CatalogueEntry } from './catalogue.ts';
import type { EntryDraft } from './entry.ts';
import type { ErrorBody } from './error-body.ts';
import type { Message } from './message.ts';
import type { Principal } from './principal.ts';
import type { Hold, RouteEvent } from './task.ts';

/** A duty that a permit carries. Obligations of all satisfied permits add up. */
export interface Obligation {
  readonly kind: 'approve' | 'rate' | 'log' | 'redact';
  readonly value: string;
  /** The policy that asks for it. */
  readonly policy: string;
  /** For `approve`: how long the ask stays open, in milliseconds. */
  readonly expiresAfter?: number;
}

/** A message on its way: what the guards so far have found out. Guards add, they never overwrite. */
export interface Crossing {
  readonly message: Message;
  readonly principal: Principal;
  /** Known from the resolve slot on. */
  readonly target: CatalogueEntry;
  /** Where the target is an agent: its skills, any of which it may run. What stops or asks for one of them holds. */
  readonly skills?: readonly CatalogueEntry[];
  /** Kill scopes of this message, its delegation chain included. */
  readonly scopes: readonly string[];
  readonly depth: number;
  /** Control-plane operations cross kills and budgets: otherwise nobody could release them. */
  readonly plane: 'data' | 'control';
  /**
   * What makes two calls the same call: SHA-256 (base64url) over sender, target, action and canonical arguments,
   * computed on first use. It stays in memory; recorded, the content could be guessed from it.
   */
  fingerprint(): string;
  /** Set when the message was parked before and its approval has been answered. */
  readonly approval?: { readonly askId: string; readonly by: string };
  /** Belongs to a call that has been decided before – a retry while it waits, an answer to it – and is no further use of anything. */
  readonly repeats?: true;
  readonly obligations: Obligation[];
  /** Ids of the policies that decided, for the record. */
  readonly policies: string[];
  hold?: Hold;
}

export type GuardVerdict =
  | { readonly verdict: 'pass' }
  | {
      readonly verdict: 'deny';
      readonly error: ErrorBody;
      /** What the log keeps of it instead of a denial; false: nothing, it is only counted (floods). */
      readonly record?: EntryDraft | false;
    }
  | { readonly verdict: 'ask'; readonly kind: 'approval'; readonly body: JsonObject; readonly expires: number };

export const PASS: GuardVerdict = { verdict: 'pass' };

/** One guard of the pipeline; one file each. Synchronous: what needs another domain is a fact in memory. */
export interface Guard {
  readonly name: string;
  admit(crossing: Crossing): GuardVerdict;
  /** Sees every event before it is recorded; may replace it or deny the rest of the call. */
  inspect?(
    crossing: Crossing,
    event: RouteEvent,
  ):
    | { readonly verdict: 'pass' }
    | { readonly verdict: 'replace'; readonly event: RouteEvent }
    | { readonly verdict: 'deny'; readonly error: ErrorBody };
}

/** Knows no more of a message than who sends it, so that those which end in an edge are counted as well. */
export interface LimitGuard extends Guard {
  readonly admit: (crossing: Pick<Crossing, 'principal' | 'plane'>) => GuardVerdict;
  /** Counts what is kept of a principal's messages, and of the answers to them, in bytes: the next ones wait for it. */
  weigh(principal: Principal, bytes: number): void;
}
