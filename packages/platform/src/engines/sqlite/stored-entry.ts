import type { SQLOutputValue } from 'node:sqlite';
import type { JsonObject } from '@aip/wire';
import type { StoredEntry } from '../../kernel/journal.ts';
import { SEQ_SPAN } from './schema.ts';

export type Row = Record<string, SQLOutputValue>;

/** An entry as its row in the file has it. `no` is the number of its tenant. */
export function storedEntry(tenant: string, no: number, row: Row): StoredEntry {
  const text = row['text'] as string;
  return {
    tenant,
    seq: (row['id'] as number) - no * SEQ_SPAN,
    at: row['at'] as number,
    kind: row['kind'] as string,
    text,
    head: headOf(text),
    leaf: row['leaf'] as Uint8Array,
    ...(row['task'] === null ? {} : { task: row['task'] as string }),
    ...(row['n'] === null ? {} : { n: row['n'] as number }),
    ...(row['body'] === null ? {} : { body: row['body'] as string }),
    ...(row['blob'] === null ? {} : { blob: row['blob'] as string }),
    ...(row['salt'] === null ? {} : { salt: row['salt'] as Uint8Array }),
  };
}

/** The text is `<version>\n<canonical JSON>`; a damaged one must not stop a reader, verification will name it. */
function headOf(text: string): JsonObject {
  try {
    const parsed = JSON.parse(text.slice(text.indexOf('\n') + 1)) as { head?: JsonObject };
    return parsed.head ?? {};
  } catch {
    return {};
  }
}
