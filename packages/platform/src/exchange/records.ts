import { createHash } from 'node:crypto';
import type { JsonObject } from '@aip/wire';
import { canonicalJson } from '@aip/wire';
import { parseAddress, splitOwned } from '../kernel/address.ts';
import { argumentsOf, data, partsOf } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import type { ErrorBody } from '../kernel/error-body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Message } from '../kernel/message.ts';
import type { TaskHead } from '../kernel/task.ts';
import type { MessageHead } from './task-decider.ts';

/** The public head of an accept, park or signal: who, what, whom, under which scopes, for how much. */
export function messageHead(crossing: Crossing): MessageHead {
  const { message, target } = crossing;
  return {
    message: message.id,
    from: message.from.id,
    fromName: message.from.name,
    to: message.to,
    action: message.action,
    edge: message.edge,
    assignee: target.owner,
    scopes: crossing.scopes,
    depth: crossing.depth,
    effect: target.effect,
    idempotent: target.idempotent,
    policies: crossing.policies,
    ...(crossing.plane === 'control' ? { plane: 'control' as const } : {}),
    ...(message.parentId === undefined ? {} : { parent: message.parentId }),
    ...(message.conversationId === undefined ? {} : { conversation: message.conversationId }),
    ...(message.deadline === undefined ? {} : { deadline: message.deadline }),
    ...(crossing.hold ? { hold: crossing.hold } : {}),
    ...(crossing.approval ? { approval: crossing.approval.askId, argumentsHash: crossing.argumentsHash() } : {}),
    ...notes(crossing),
    ...idempotencyOf(message),
  };
}

/** What `@log` policies want to stand in the record. */
function notes({ obligations }: Crossing): Pick<MessageHead, 'notes'> {
  const logged = obligations.filter((obligation) => obligation.kind === 'log').map((obligation) => obligation.value);
  return logged.length === 0 ? {} : { notes: logged };
}

/** A signed frame is its own idempotency key: the same bytes mean the same request, other bytes under its id are a replay. */
export function idempotencyOf(message: Message): Pick<MessageHead, 'idempotency'> {
  if (message.idempotencyKey === undefined) return {};
  const bound = { to: message.to, action: message.action, parts: partsOf(message.body) };
  const request = createHash('sha256')
    .update(message.signed ?? canonicalJson(bound))
    .digest('base64url');
  return {
    idempotency: { key: message.idempotencyKey, request, ...(message.signed === undefined ? {} : { signed: true }) },
  };
}

/** The message as it is kept for a second delivery, without the arguments that are secrets. */
export function messageBody(message: Message, secrets: readonly string[] = []): string {
  if (secrets.length === 0) return JSON.stringify(message);
  const named = Object.entries(argumentsOf(message.body)).filter(([name]) => !secrets.includes(name));
  return JSON.stringify({ ...message, body: data(Object.fromEntries(named)) });
}

export function denial(crossing: Crossing, error: ErrorBody, guard: string): EntryDraft {
  const { message } = crossing;
  const head: JsonObject = {
    message: message.id,
    from: message.from.id,
    fromName: message.from.name,
    to: message.to,
    action: message.action,
    edge: message.edge,
    guard,
    code: error.code,
    reason: error.message,
    policies: crossing.policies,
    scopes: [...crossing.scopes],
  };
  return { kind: 'deny', head };
}

/**
 * The target of a task as its head remembers it. After a restart agents and upstreams come back one by one;
 * until its own has, a task keeps to what was true when it was accepted.
 */
export function rememberedTarget(head: TaskHead): CatalogueEntry {
  const { kind, name } = parseAddress(head.to);
  const owner = head.assignee ?? splitOwned(name).owner;
  return {
    address: head.to,
    kind: kind === 'capability' || kind === 'topic' ? 'skill' : kind,
    name: kind === 'agent' || kind === 'operation' ? name : splitOwned(name).name,
    owner,
    ownerName: owner,
    description: '',
    effect: head.effect,
    idempotent: head.idempotent,
    price: head.hold?.amount ?? 0,
    state: 'offline',
  };
}
