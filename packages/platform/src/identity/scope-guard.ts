import { errorBody } from '../kernel/error-body.ts';
import { PASS, type Guard } from '../kernel/guard.ts';
import type { Action } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';

/** OAuth scopes that an access token needs; an empty list asks for none. */
export interface ScopesNeeded {
  /** To call tools, skills and agents. */
  readonly tools: readonly string[];
  /** To read resources. */
  readonly resources: readonly string[];
  /** To get prompts. */
  readonly prompts: readonly string[];
}

const KIND_OF: Partial<Record<Action, keyof ScopesNeeded>> = {
  call: 'tools',
  invoke: 'tools',
  read: 'resources',
  get: 'prompts',
};

/** Scopes that an action needs and that were not granted; who came without an access token has no scopes, and no bounds by them. */
export function missingScopes({ scopes }: Principal, action: Action, needed: ScopesNeeded): readonly string[] {
  const kind = KIND_OF[action];
  return scopes === undefined || kind === undefined ? [] : needed[kind].filter((scope) => !scopes.includes(scope));
}

/**
 * What a person has let a client do in their name, over every protocol; policy then decides what the person may do.
 * Operations of the platform need no scope: roles open them.
 */
export function scopeGuard(needed: ScopesNeeded): Guard {
  return {
    name: 'scopes',
    admit({ principal, message }) {
      for (let behind: Principal | undefined = principal; behind; behind = behind.onBehalfOf) {
        const missing = missingScopes(behind, message.action, needed);
        if (missing.length > 0)
          return {
            verdict: 'deny',
            error: errorBody(
              'INSUFFICIENT_SCOPE',
              `The access token${behind === principal ? '' : ` of ${behind.name}, for whom this is done,`} lacks the scope ${missing.join(' ')}; ask for one that has it.`,
              { scope: [...(behind.scopes ?? []), ...missing].join(' ') },
            ),
          };
      }
      return PASS;
    },
  };
}
