import type { CedarRecord, EntityRef } from './value.ts';

/** One entity as policies see it: its attributes, and the groups, roles, servers or domains it is in. */
export interface Entity {
  readonly ref: EntityRef;
  readonly attrs: CedarRecord;
  readonly parents: readonly EntityRef[];
}

/** The entities a decision may look at, by `uid`. A `Map<string, Entity>` is one; see {@link entitySlice}. */
export interface EntitySlice {
  get(uid: string): Entity | undefined;
  values(): Iterable<Entity>;
}

/** "May this principal do this action to this resource, now?" */
export interface PolicyRequest {
  readonly principal: EntityRef;
  readonly action: EntityRef;
  readonly resource: EntityRef;
  /** Everything of `context` but `arguments`. */
  readonly context: CedarRecord;
  /**
   * `context.arguments`: the body as JSON. Read once, and only if a policy looks at it (it may be a getter);
   * mapped to Cedar values only where a policy looks.
   * None is the empty record; what has no Cedar value is an evaluation error when it is looked at.
   */
  readonly arguments?: unknown;
  readonly entities: EntitySlice;
  /** What people call the two, for messages only. Read when it is denied (it may be a getter). */
  readonly names?: RequestNames;
}

export interface RequestNames {
  readonly principal: string;
  readonly resource: string;
  /** The command that permits such a call, where one agent calls another. */
  readonly connect?: string;
}

export type PolicyEffect = 'permit' | 'forbid';

/** A policy, as cited by a decision. Lines count from 1. */
export interface PolicyReason {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A policy whose evaluation failed, and why. */
export interface PolicyFailure extends PolicyReason {
  readonly message: string;
}

/** What a permit demands in return. `policy` is the id of the permit that asks for it. */
export type Obligation =
  /** `@approve("operators")`: one of `by` must agree first, within `expiresMs` if `@approve_expires` says so. */
  | { readonly kind: 'approve'; readonly policy: string; readonly by: string; readonly expiresMs?: number }
  /** `@rate("10/m")`: at most `limit` per `windowMs`. */
  | { readonly kind: 'rate'; readonly policy: string; readonly limit: number; readonly windowMs: number }
  /** `@log("note")`: leave this note in the record. */
  | { readonly kind: 'log'; readonly policy: string; readonly note: string }
  /** `@redact("result.password, result.token")`: remove these fields, named by dotted paths. */
  | { readonly kind: 'redact'; readonly policy: string; readonly fields: readonly string[] };

export interface Decision {
  readonly effect: 'permit' | 'deny';
  /** One sentence for the caller: why. */
  readonly message: string;
  /** The policies that decided: the satisfied permits of a permit, the satisfied forbids of a deny. */
  readonly reasons: readonly PolicyReason[];
  /** Policies that could not be evaluated; any of them makes the decision a deny. */
  readonly errors: readonly PolicyFailure[];
  /** Of all satisfied permits together; empty when denied. */
  readonly obligations: readonly Obligation[];
}

/** Something wrong in a policy file. Lines and columns count from 1, columns in UTF-16 units. */
export interface PolicyProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}
