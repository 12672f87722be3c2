import type { Check } from './local.ts';
import { table, type Style } from './table.ts';

export const verdict = (checks: readonly Check[]): { ok: boolean } => ({ ok: checks.every(({ ok }) => ok) });

/** What was looked at, what was found, and what to do about it. */
export const checkTable = (checks: readonly Check[], style: Style): string =>
  table(
    checks,
    [
      { title: 'CHECK', of: ({ name }) => name },
      { title: '', of: ({ ok }) => (ok ? 'ok' : 'FAILED'), look: ({ ok }) => (ok ? 'green' : 'red') },
      { title: 'FOUND', of: ({ detail, remedy }) => (remedy === undefined ? detail : `${detail} → ${remedy}`) },
    ],
    style,
  );
