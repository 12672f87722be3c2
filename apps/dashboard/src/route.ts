import { useSyncExternalStore } from 'react';

export const PAGES = ['overview', 'agents', 'servers', 'approvals', 'stops', 'spend', 'audit'] as const;
export type PageName = (typeof PAGES)[number] | 'task';

/** Where in the dashboard: `#/audit/1042` is page `audit` with `1042`. */
export interface Place {
  readonly page: PageName;
  readonly item?: string;
}

export function parseHash(hash: string): Place {
  const [page = '', item = ''] = hash.replace(/^#\/?/, '').split('/', 2);
  const known = page === 'task' ? page : PAGES.find((name) => name === page);
  return { page: known ?? 'overview', ...(item === '' ? {} : { item: decodeItem(item) }) };
}

function decodeItem(item: string): string {
  try {
    return decodeURIComponent(item);
  } catch {
    return item;
  }
}

export const linkTo = (page: PageName, item?: string | number): string =>
  item === undefined ? `#/${page}` : `#/${page}/${encodeURIComponent(item)}`;

export const go = (page: PageName, item?: string | number): void => {
  location.hash = linkTo(page, item);
};

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

export const useHash = (): string => useSyncExternalStore(subscribe, () => location.hash);

/** The one-time code of a login URL, `#login=…`. */
export const loginCode = (hash: string): string | undefined => /^#login=(.+)$/.exec(hash)?.[1];
