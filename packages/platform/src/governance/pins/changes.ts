import type { Json } from '@aip/wire';
import { visible } from './hidden.ts';

/** One place where two definitions differ; `path` is a JSON Pointer (RFC 6901). */
export interface Change {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

const MAX_CHANGES = 100;
const MAX_TEXT = 2_000;

/** What differs, place by place, hidden characters spelt out; at most 100 places. */
export function changesBetween(before: Json | undefined, after: Json | undefined): Change[] {
  const changes: Change[] = [];
  compare(before, after, '');
  return changes;

  function compare(old: Json | undefined, now: Json | undefined, path: string): void {
    if (changes.length >= MAX_CHANGES || JSON.stringify(old) === JSON.stringify(now)) return;
    if (isTree(old) && isTree(now)) {
      for (const key of new Set([...Object.keys(old), ...Object.keys(now)]))
        compare(old[key], now[key], `${path}/${visible(key).replaceAll('~', '~0').replaceAll('/', '~1')}`);
      return;
    }
    changes.push({
      path,
      ...(old === undefined ? {} : { before: shown(old) }),
      ...(now === undefined ? {} : { after: shown(now) }),
    });
  }
}

type Tree = Readonly<Record<string, Json>>;

const isTree = (value: Json | undefined): value is Tree & Json => typeof value === 'object' && value !== null;

function shown(value: Json): string {
  const text = visible(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
