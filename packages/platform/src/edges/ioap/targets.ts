import { AipError, type IoapFrame } from '@aip/wire';
import { parseAddress, splitOwned, type Address } from '../../kernel/address.ts';
import { data, text, type Body } from '../../kernel/body.ts';
import { ACTION_ON, type Action } from '../../kernel/message.ts';

export type RequestFrame = Extract<IoapFrame, { type: 'EXEC_REQUEST' | 'INTENT' }>;

/**
 * What a request addresses. `to` is an agent's DID, an address (`tool:files/read_file`), or the gateway's DID with
 * the capability, or an address in its place, in the payload. An INTENT whose task is a skill of its agent asks for that
 * skill; `offers` says whether there is one.
 */
export function targetOf(
  frame: RequestFrame,
  gatewayDid: string,
  offers: (skill: Address) => boolean,
): { to: Address; action: Action } {
  const { kind, address } = parseAddress(namedBy(frame, gatewayDid, offers));
  if (kind === 'topic') throw new AipError('UNSUPPORTED_OPERATION', 'Topics take no requests.');
  return { to: address, action: ACTION_ON[kind] };
}

function namedBy({ to, type, payload }: RequestFrame, gatewayDid: string, offers: (skill: Address) => boolean): string {
  if (type === 'EXEC_REQUEST') return addressOf(to, payload.capability, gatewayDid);
  if (!('task' in payload)) return addressOf(to, undefined, gatewayDid);
  const { task } = payload;
  const agent = to.startsWith('did:') ? to : to.startsWith('agent:') ? to.slice('agent:'.length) : undefined;
  if (agent !== undefined && agent !== gatewayDid && offers(`skill:${agent}/${task}`)) return `skill:${agent}/${task}`;
  // What is decided on is one skill; the agent would run the other.
  return addressOf(to, isSkill(to) ? task : undefined, gatewayDid);
}

const isSkill = (to: string): boolean => to.startsWith('skill:') || to.startsWith('capability:');

function addressOf(to: string, capability: string | undefined, gatewayDid: string): string {
  if (to === gatewayDid) return atGateway(capability);
  if (to.startsWith('did:')) return capability === undefined ? `agent:${to}` : `skill:${to}/${capability}`;
  if (capability === undefined) return to;
  const { kind, name } = parseAddress(to);
  if (kind === 'agent') return `skill:${name}/${capability}`;
  if (name === capability || splitOwned(name).name === capability) return to;
  throw new AipError(
    'INVALID_ARGUMENT',
    `The address in "to" and the payload's capability or task, "${capability}", name different things.`,
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

/** What the specification knows in the payload of a request besides what is asked: how it shall be handled. */
const HANDLING = ['timeout_ms', 'stream', 'idempotency_key', 'parent_id'];
const ASKED = {
  EXEC_REQUEST: ['capability', 'args'],
  query: ['query', 'context'],
  task: ['task', 'params', 'context'],
} as const;

/**
 * What is asked, whole: the frame goes on as it came, so what policies and people are not shown must not be in it. The
 * arguments of an INTENT are the same as of the EXEC_REQUEST that its agent makes of it: `params`, or the query as
 * `text`, with its `context`. A task that is no skill is beside its params.
 *
 * @param to what the request addresses
 * @throws AipError MALFORMED_MESSAGE for a field of the payload that the specification does not know
 */
export function bodyOf({ type, payload }: RequestFrame, to: Address): Body {
  const asked = type === 'EXEC_REQUEST' ? ASKED[type] : 'task' in payload ? ASKED.task : ASKED.query;
  const unknown = Object.keys(payload).find((name) => !HANDLING.includes(name) && !asked.includes(name as never));
  if (unknown !== undefined)
    throw new AipError(
      'MALFORMED_MESSAGE',
      `payload.${unknown.slice(0, 120)}: no field of this request; what the agent shall get goes into ${type === 'EXEC_REQUEST' ? 'args' : 'params or context'}.`,
      { details: { field: `payload.${unknown.slice(0, 120)}` } },
    );
  if (type === 'EXEC_REQUEST') return data(payload.args);
  const context = payload.context === undefined ? {} : { context: payload.context };
  if (!('task' in payload))
    return payload.context === undefined ? text(payload.query) : data({ text: payload.query, ...context });
  const { task, params = {} } = payload;
  if (Object.keys(context).some((name) => Object.hasOwn(params, name)))
    throw new AipError('INVALID_ARGUMENT', 'payload.context: params has a context as well; keep one of them.');
  if (isSkill(to)) return data({ ...params, ...context });
  return data({ ...params, task, ...(payload.params === undefined ? {} : { params }), ...context });
}
