import type { Decider, Entry } from '../kernel/entry.ts';

/** Before the name of a server that was added while the platform ran. */
export const KEPT_SERVER = 'mcp-server:';

const keyOf = (entry: Entry): string => `${KEPT_SERVER}${entry.head['name'] as string}`;

/** Which MCP servers the next start connects to as well. How they are reached is not in the log: it may be secret. */
export const keptServerDecider: Decider = {
  name: 'mcp-servers',
  kinds: ['mcp.keep', 'mcp.forget'],
  keys: (entry) => [keyOf(entry)],
  decide: (_rows, entry) =>
    entry.kind === 'mcp.keep'
      ? [{ key: keyOf(entry), value: { ...entry.head, added: entry.at }, open: true }]
      : [{ key: keyOf(entry), value: null }],
};
