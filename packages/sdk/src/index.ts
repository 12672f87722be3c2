/** What an agent imports to join the Agent Infrastructure Platform. */
export { Agent, type AgentOptions, type Capability } from './agent.ts';
export {
  AipClient,
  UnreachableError,
  type AipClientOptions,
  type InvokeOptions,
  type OperateOptions,
  type OperationName,
  type TaskUpdate,
} from './aip-client.ts';
export type { Operations } from './operations.generated.ts';
export type { Backoff } from './backoff.ts';
export {
  DEFAULT_GATEWAY,
  type Announcement,
  type ClientStatus,
  type GatewayClientOptions,
  type Registration,
  type RequestFrame,
} from './client-types.ts';
export { GatewayClient } from './gateway-client.ts';
export { loadKey } from './key-file.ts';
export type { RequestOptions } from './open-requests.ts';
export type { CallOptions, Task, TaskContext } from './task.ts';
export {
  AipError,
  generateKeyPair,
  type ErrorCode,
  type IoapFrame,
  type Json,
  type JsonObject,
  type KeyPair,
} from '@aip/wire';
