import type { Json } from '@aip/wire';
import type { Decider, Entry, RowWrite } from '../../kernel/entry.ts';
import { errorBody, type ErrorBody } from '../../kernel/error-body.ts';

/** What is decided about one tool of a server. Without `digest` it was suspicious when it was first seen. */
export interface PinRow {
  readonly server: string;
  readonly tool: string;
  /** Of the definition that was agreed to. */
  readonly digest?: string;
  /** Of the same without the name: how a tool is known that comes back under another. */
  readonly shape?: string;
  /** A principal, or {@link FIRST_SIGHT}. */
  readonly by?: string;
  /** Milliseconds since the Unix epoch. */
  readonly at?: number;
  /** The entry whose body is the definition that was agreed to. */
  readonly entry?: number;
  /** What was put on record last; stays until somebody decides. */
  readonly quarantined?: { readonly digest: string; readonly findings: readonly string[]; readonly at: number };
  readonly rejected?: { readonly by: string; readonly at: number };
}

/** Who pins what nobody has looked at. */
export const FIRST_SIGHT = 'first sight';

export const PIN_PREFIX = 'pin:';
/** Server names hold no slash, so the first one separates. */
export const pinKey = (server: string, tool: string): string => `${PIN_PREFIX}${server}/${tool}`;

const keyOf = (entry: Entry): string => pinKey(entry.head['server'] as string, entry.head['tool'] as string);

/**
 * Pins. First sight pins only what is not known, so that of two definitions that race the later one is a change;
 * everything else is an operator's word.
 */
export const pinDecider: Decider = {
  name: 'pins',
  kinds: ['mcp.pin', 'mcp.quarantine', 'mcp.reject', 'mcp.unpin'],
  keys: (entry) => [keyOf(entry)],
  decide(rows, entry) {
    const key = keyOf(entry);
    const row = rows(key) as unknown as PinRow | undefined;
    const { server, tool } = entry.head as { server: string; tool: string };
    switch (entry.kind) {
      case 'mcp.pin':
        return pinned(key, row, entry);
      case 'mcp.quarantine': {
        if (row?.quarantined) return refuse('DUPLICATE', `${server}/${tool} is quarantined already.`);
        const { digest, findings } = entry.head as { digest: string; findings: string[] };
        return write(key, { server, tool, ...row, quarantined: { digest, findings, at: entry.at } });
      }
      case 'mcp.reject':
        // One that was never pinned may be rejected too: its server's pins may be off.
        return write(key, { server, tool, ...row, rejected: { by: entry.head['by'] as string, at: entry.at } });
      default:
        return row ? [{ key, value: null }] : refuse('NOT_FOUND', `No tool ${tool} of ${server} is known.`);
    }
  },
};

function pinned(key: string, row: PinRow | undefined, entry: Entry): readonly RowWrite[] | { refuse: ErrorBody } {
  const { server, tool, digest, shape, by } = entry.head as {
    server: string;
    tool: string;
    digest: string;
    shape: string;
    by: string;
  };
  if (by === FIRST_SIGHT && row) return refuse('CONFLICT', `${server}/${tool} has been seen before.`);
  return write(key, { server, tool, digest, shape, by, at: entry.at, entry: entry.seq });
}

const write = (key: string, row: PinRow): RowWrite[] => [{ key, value: row as unknown as Json, open: true }];
const refuse = (code: 'CONFLICT' | 'DUPLICATE' | 'NOT_FOUND', message: string) => ({
  refuse: errorBody(code, message),
});
