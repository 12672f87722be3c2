import type { SqlRows, SqlTable } from '../../sources/sql/store.ts';

/** What goes to the process that reads the database, and what comes back. One request is under way at a time. */
export type Request =
  | { readonly kind: 'open'; readonly file: string; readonly tables?: readonly string[] }
  | { readonly kind: 'tables' }
  | {
      readonly kind: 'query';
      readonly sql: string;
      readonly parameters: Readonly<Record<string, string | number | boolean | null>>;
      readonly rows: number;
    };

export type Reply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'tables'; readonly tables: readonly SqlTable[] }
  | { readonly kind: 'rows'; readonly result: SqlRows }
  | { readonly kind: 'failed'; readonly reason: string };
