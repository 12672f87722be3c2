import type { Accepts, EdgeName } from './message.ts';
import type { Principal } from './principal.ts';

/** A connection attached to the exchange. Closing it is how a kill reaches the wire. */
export interface Session {
  readonly id: string;
  readonly principal: Principal;
  readonly edge: EdgeName;
  readonly accepts: Accepts;
  /** Network address of a peer that nothing else is known of yet. */
  readonly address?: string;
  /** Milliseconds since the Unix epoch. */
  readonly opened: number;
  /** Closes the connection; `code` is a stable error code the peer is told. */
  close(code: string, reason: string): void;
}
