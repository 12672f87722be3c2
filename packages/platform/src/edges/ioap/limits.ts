/** Bounds of the IoAP edge; times in milliseconds. */
export interface IoapLimits {
  /** Connections of the whole edge. */
  readonly connections: number;
  /** Connections of one network that have not registered yet. */
  readonly unregistered: number;
  /** Requests of one connection that are open at a time. */
  readonly calls: number;
  /** Frames of one connection in handling; beyond it the gateway stops reading from it. */
  readonly handling: number;
  /** Frames handed to a socket that the peer has not taken yet. */
  readonly queueMessages: number;
  /** The same in bytes. */
  readonly queueBytes: number;
  /** How long a frame waits for room in its receiver's queue. */
  readonly slowAfter: number;
  /** Largest REGISTER in bytes of UTF-8. */
  readonly registerBytes: number;
  /** How long a connection may take to register. */
  readonly registerWithin: number;
  /** Between two pings; a connection that has missed two is dead. */
  readonly heartbeat: number;
  /** Silence, with nothing open, after which a connection is closed. */
  readonly idle: number;
  /** Largest accepted difference between a frame's time and ours. */
  readonly skew: number;
  /** How long an agent may take to come back for a step that may be delivered again. */
  readonly comeback: number;
  /** How long an agent may take to answer a cancellation. */
  readonly grace: number;
}

export const DEFAULT_LIMITS: IoapLimits = {
  connections: 10_000,
  unregistered: 1_024,
  calls: 1_000,
  handling: 256,
  queueMessages: 1_000,
  queueBytes: 1024 * 1024,
  slowAfter: 5_000,
  registerBytes: 256 * 1024,
  registerWithin: 10_000,
  heartbeat: 30_000,
  idle: 300_000,
  skew: 60_000,
  comeback: 30_000,
  // Inside the two seconds that the exchange grants every route.
  grace: 1_800,
};
