import type { JsonObject } from '@aip/wire';
import { createHash } from 'node:crypto';
import { argumentsOf, data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import type { ErrorBody } from '../kernel/error-body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Message } from '../kernel/message.ts';
import { canonicalJson } from '@aip/wire';
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
    ...idempotency(message),
  };
}

/** A signed frame is its own idempotency key: the same bytes mean the same request, other bytes under its id are a replay. */
function idempotency(message: Message): Pick<MessageHead, 'idempotency'> {
  if (message.idempotencyKey === undefined) return {};
  const bound = { to: message.to, action: message.action, arguments: argumentsOf(message.body) };
  const request = createHash('sha256')
    .update(message.signed ?? canonicalJson(bound))
    .digest('base64url');
  return { idempotency: { key: message.idempotencyKey, request, ...(message.signed === undefined ? {} : { signed: true }) } };
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

/** Stands in for a target that has left the catalogue while a task on it was open. */
export function vanishedTarget(address: CatalogueEntry['address'], assignee: string): CatalogueEntry {
  return {
    address,
    kind: 'agent',
    name: assignee,
    owner: assignee,
    ownerName: assignee,
    description: 'No longer in the catalogue.',
    effect: 'external',
    idempotent: false,
    price: 0,
    state: 'gone',
  };
}
