import type { AipError, IoapFrame, IoapPayloads, KeyPair } from '@aip/wire';
import type { Backoff } from './backoff.ts';

export const DEFAULT_GATEWAY = 'ws://127.0.0.1:8000/ws';

export interface GatewayClientOptions {
  /** WebSocket address of the gateway. */
  readonly url?: string;
  /** Who this client is; a fresh identity unless given. */
  readonly key?: KeyPair;
  /** Who the gateway must be; asked of its health page unless given. */
  readonly gatewayDid?: string;
  readonly backoff?: Backoff;
}

/** What REGISTER says besides the key. */
export type Announcement = Omit<IoapPayloads['REGISTER'], 'public_key'>;

/** The gateway's answer to REGISTER. */
export interface Registration {
  readonly did: string;
  readonly name: string | null;
  readonly gateway: string;
  readonly heartbeat_ms: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** What happens to the connection. `retryIn` is in milliseconds. */
export type ClientStatus =
  | { readonly state: 'registered'; readonly registration: Registration }
  | { readonly state: 'lost'; readonly error: AipError; readonly retryIn: number }
  | { readonly state: 'rejected-frame'; readonly error: AipError }
  | { readonly state: 'closed'; readonly error?: AipError };

export type RequestFrame = Extract<IoapFrame, { type: 'EXEC_REQUEST' | 'INTENT' }>;

/** How long others are given to come back after a lost connection, in milliseconds. */
export const COMEBACK = 60_000;
