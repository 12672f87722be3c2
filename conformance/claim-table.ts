/** How far a claim is met. Only `done` is a promise, and needs a test that cites it. */
export type ClaimStatus = 'done' | 'partial' | 'planned';

/** One thing the platform says about itself. */
export interface Claim {
  /** Who asked for it: `seed:<document>`, `mission`, or a section of a specification such as `RFC 8785 §3.2.2`. */
  source: string;
  /** What a user or peer can observe, in one sentence. */
  behaviour: string;
  status: ClaimStatus;
}

/** Claims by id. `P-IOAP.register-proof` is a part of `P-IOAP`, which is done only when all its parts are. */
export type ClaimTable = Record<string, Claim>;
