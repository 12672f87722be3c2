import type { KeyObject } from 'node:crypto';
import type { ErrorCode } from '@aip/wire';
import type { Call, Exchange } from '../../exchange/index.ts';
import type { Body } from '../../kernel/body.ts';
import type { Session } from '../../kernel/session.ts';
import type { Delivery } from './delivery.ts';
import type { GatewayFrames } from './gateway-frames.ts';
import type { IoapLimits } from './limits.ts';
import type { ReplayMemory } from './replay-memory.ts';

/** What everything in this edge shares. */
export interface Edge {
  readonly exchange: Exchange;
  readonly frames: GatewayFrames;
  readonly limits: IoapLimits;
  /** The connection of each registered agent, by DID. */
  readonly links: Map<string, Link>;
  readonly registrations: ReplayMemory;
  /** How many agents work on a request frame of that id; callers choose ids, so it may be more than one. */
  readonly asked: Map<string, number>;
  /** The signed frame that a body came in, to be forwarded as it is. A guard that replaces the body drops the frame with it. */
  readonly originals: WeakMap<Body, OriginalAnswer>;
}

/** An agent's EXEC_RESPONSE, byte for byte. */
export interface OriginalAnswer {
  readonly raw: string;
  readonly to: string;
  readonly correlationId: string;
}

/** The connection of a registered agent. */
export interface Link {
  readonly did: string;
  readonly key: KeyObject;
  readonly session: Session;
  readonly open: boolean;
  /** Aborted at the end of the connection. */
  readonly gone: AbortSignal;
  /** Its own requests that are open, by frame id. */
  readonly calls: Map<string, Call>;
  /** The requests it works on, by the id of the frame it was sent. */
  readonly deliveries: Map<string, Delivery>;
  /** Waits for room; see {@link Outbox}. */
  send(make: () => string): Promise<void>;
  /** Stops reading from it until the returned function is called. */
  hold(): () => void;
  /** Says why with an ERROR frame, then closes. */
  close(code: ErrorCode, message: string): void;
}
