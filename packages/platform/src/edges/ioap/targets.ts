import { AipError, type IoapFrame, type JsonObject } from '@aip/wire';
import { parseAddress, splitOwned, type Address, type AddressKind } from '../../kernel/address.ts';
import { data, text, type Body } from '../../kernel/body.ts';
import type { Action } from '../../kernel/message.ts';

export type RequestFrame = Extract<IoapFrame, { type: 'EXEC_REQUEST' | 'INTENT' }>;

const ACTIONS: Record<Exclude<AddressKind, 'topic'>, Action> = {
  agent: 'invoke',
  skill: 'invoke',
  capability: 'invoke',
  tool: 'call',
  resource: 'read',
  prompt: 'get',
  operation: 'operate',
};

/**
 * What a request addresses. `to` is an agent's DID, an address (`tool:files/read_file`), or the gateway's DID with
 * the capability, or an address in its place, in the payload.
 */
export function targetOf(frame: RequestFrame, gatewayDid: string): { to: Address; action: Action } {
  const capability = frame.type === 'EXEC_REQUEST' ? frame.payload.capability : undefined;
  const { kind, address } = parseAddress(addressOf(frame.to, capability, gatewayDid));
  if (kind === 'topic') throw new AipError('UNSUPPORTED_OPERATION', 'Topics take no requests.');
  return { to: address, action: ACTIONS[kind] };
}

function addressOf(to: string, capability: string | undefined, gatewayDid: string): string {
  if (to === gatewayDid) return atGateway(capability);
  if (to.startsWith('did:')) return capability === undefined ? `agent:${to}` : `skill:${to}/${capability}`;
  if (capability === undefined) return to;
  const { kind, name } = parseAddress(to);
  if (kind === 'agent') return `skill:${name}/${capability}`;
  if (name === capability || splitOwned(name).name === capability) return to;
  throw new AipError(
    'INVALID_ARGUMENT',
    `The address in "to" and payload.capability "${capability}" name different things.`,
  );
}

function atGateway(capability: string | undefined): string {
  if (capability === undefined) {
    throw new AipError(
      'UNKNOWN_TARGET',
      'A request to the gateway names what it is for in payload.capability, or use an address in "to".',
    );
  }
  return capability.includes(':') ? capability : `capability:${capability}`;
}

/** What is asked, without how it shall be handled. */
export function bodyOf(frame: RequestFrame): Body {
  if (frame.type === 'EXEC_REQUEST') return data(frame.payload.args);
  const intent: JsonObject = {};
  for (const field of ['query', 'task', 'params', 'context'] as const) {
    const value = (frame.payload as unknown as JsonObject)[field];
    if (value !== undefined) intent[field] = value;
  }
  return typeof intent['query'] === 'string' && intent['context'] === undefined ? text(intent['query']) : data(intent);
}
