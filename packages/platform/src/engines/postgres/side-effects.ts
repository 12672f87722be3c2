/**
 * Functions that act although their transaction is READ ONLY and rolled back (PostgreSQL, chapter 9): they hold locks that
 * outlive it, write to the log that replication reads, or reach other sessions and servers. Together with those that
 * run a text as a statement, in which the name of any of them could be put together.
 */
const ACTING = new RegExp(
  `\\b(?:${[
    'pg_(?:try_)?advisory_\\w+',
    'pg_logical_\\w+',
    'pg_replication_\\w+',
    'pg_create_\\w+',
    'pg_(?:terminate|cancel)_backend',
    'pg_(?:reload_conf|rotate_logfile|switch_wal|promote|notify)',
    'pg_(?:log_backend_memory_contexts|stat_reset\\w*|stat_clear_snapshot)',
    'lo_\\w+',
    'loread|lowrite',
    'dblink\\w*',
    'query_to_xml\\w*',
    'ts_stat|ts_rewrite',
    'crosstab\\w*|connectby',
  ].join('|')})\\b`,
  'i',
);

/** A name of which any character may be written as its number: `U&"\0070g_…"`. */
const ESCAPED_NAME = /u&\s*"/i;

/**
 * What in a statement would act, by its name, wherever it stands: also in a string, since a statement may be run from
 * one. A fence beside the border, which is what the role is granted.
 */
export const actingPart = (sql: string): string | undefined =>
  ACTING.exec(sql)?.[0] ?? (ESCAPED_NAME.test(sql) ? 'U&"…"' : undefined);
