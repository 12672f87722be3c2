import type { ServerResponse } from 'node:http';
import { AipError } from '@aip/wire';
import type { Principal } from '../../kernel/principal.ts';
import { holderKey } from '../../kernel/shares.ts';
import { whenClosed } from '../../kernel/when-closed.ts';

/** Bytes of one stream that wait for its reader before it is given up. */
const MAX_STREAM = 4 * 1024 * 1024;
/** Bytes of all answers to one principal that may wait before it gets no more. */
const MAX_PRINCIPAL = 32 * 1024 * 1024;

/** What has been answered and not been read yet, by whom it is for. */
export interface Unread {
  /** Throws RATE_LIMITED when too much waits for the principal already. */
  watch(principal: Principal, response: ServerResponse): void;
}

/** The answers that are open for the same principal, of each of them. */
const siblings = new WeakMap<ServerResponse, ReadonlySet<ServerResponse>>();

export function createUnread(): Unread {
  const open = new Map<string, Set<ServerResponse>>();
  return {
    watch(principal, response) {
      const key = holderKey(principal);
      const own = open.get(key) ?? new Set();
      if (waiting(own) > MAX_PRINCIPAL) throw tooMuch();
      open.set(key, own.add(response));
      siblings.set(response, own);
      whenClosed(response, () => {
        own.delete(response);
        if (own.size === 0 && open.get(key) === own) open.delete(key);
      });
    },
  };
}

/**
 * Asked before a whole answer is written. Throws RATE_LIMITED when it would wait behind too much that nobody reads, and
 * ends the connection: nobody is to take it for delivered.
 */
export function requireReader(response: ServerResponse): void {
  if (waiting(siblings.get(response)) <= MAX_PRINCIPAL) return;
  response.destroy();
  throw tooMuch();
}

/**
 * The one way in which streams are written: at once, since those who tell of something do not wait for a reader. Ends
 * the connection of one who does not read, and says false.
 */
export function writeOn(response: ServerResponse, chunk: string | Uint8Array): boolean {
  if (response.destroyed || response.writableEnded) return false;
  if (response.writableLength > MAX_STREAM || waiting(siblings.get(response)) > MAX_PRINCIPAL) {
    response.destroy();
    return false;
  }
  response.write(chunk);
  return true;
}

function waiting(responses: Iterable<ServerResponse> = []): number {
  let bytes = 0;
  for (const { writableLength } of responses) bytes += writableLength;
  return bytes;
}

const tooMuch = (): AipError =>
  new AipError(
    'RATE_LIMITED',
    `More than ${MAX_PRINCIPAL} bytes of answers wait for you to read them; read those first.`,
  );
