/** Messages above this many bytes are refused. */
export const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;

/** Enough of a refused message to find its id at the beginning or at the end. */
const KEPT = 256;

export interface MessageLines {
  push(chunk: Buffer): void;
}

export interface LineEvents {
  line(text: string): void;
  /** A line was too long: it was skipped, `begin` and `end` are what is left of it. */
  oversized(begin: string, end: string): void;
}

/** Splits a stream into lines and skips the ones that are too long, so that an endless one costs no memory. */
export function messageLines(events: LineEvents, limit = MAX_MESSAGE_BYTES): MessageLines {
  let pieces: Buffer[] = [];
  let size = 0;
  let skipped: { begin: Buffer; end: Buffer } | undefined;

  function add(piece: Buffer): void {
    if (skipped) {
      skipped.end = Buffer.concat([skipped.end, piece.subarray(-KEPT)]).subarray(-KEPT);
      return;
    }
    pieces.push(piece);
    size += piece.length;
    if (size <= limit) return;
    const read = Buffer.concat(pieces);
    skipped = { begin: Buffer.from(read.subarray(0, KEPT)), end: Buffer.from(read.subarray(-KEPT)) };
    pieces = [];
    size = 0;
  }

  function finish(): void {
    if (skipped) events.oversized(skipped.begin.toString('latin1'), skipped.end.toString('latin1'));
    else if (size > 0) events.line(Buffer.concat(pieces).toString('utf8'));
    pieces = [];
    size = 0;
    skipped = undefined;
  }

  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
        if (end > start) add(chunk.subarray(start, end));
        finish();
        start = end + 1;
      }
      if (start < chunk.length) add(chunk.subarray(start));
    },
  };
}

/** The id of a JSON-RPC response of which only the edges are known: writers put it first or last. */
export function idFromEdges(begin: string, end: string): number | undefined {
  const match =
    /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,/.exec(begin) ??
    /,\s*"id"\s*:\s*(\d{1,15})\s*\}?\s*$/.exec(end);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
