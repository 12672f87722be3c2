import type { Check } from './local.ts';
import { table, type Style } from './table.ts';

export const verdict = (checks: readonly Check[]): { ok: boolean } => ({ ok: checks.every(({ ok }) => ok) });

/** Of the files in the policy folder that are not in force. */
export const brokenPolicies = (detail: string): Check => ({
  name: 'policies',
  ok: false,
  detail,
  remedy:
    'mend the file; a running platform keeps the policies from before, the next start would permit nothing but the administrator’s control operations',
});

const LOOK = { ok: 'green', 'not running': 'dim', waits: 'yellow', FAILED: 'red' } as const;

function stateOf({ ok, idle, waits }: Check): keyof typeof LOOK {
  if (!ok) return 'FAILED';
  if (idle) return 'not running';
  return waits ? 'waits' : 'ok';
}

/** What was looked at, what was found, and what to do about it. */
export const checkTable = (checks: readonly Check[], style: Style): string =>
  table(
    checks,
    [
      { title: 'CHECK', of: ({ name }) => name },
      { title: '', of: stateOf, look: (check) => LOOK[stateOf(check)] },
      { title: 'FOUND', of: ({ detail, remedy }) => (remedy === undefined ? detail : `${detail} → ${remedy}`) },
    ],
    style,
  );
