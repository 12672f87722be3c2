import { createHmac } from 'node:crypto';
import type { JsonObject } from '@aip/wire';
import { AipError, canonicalJson } from '@aip/wire';
import { parseAddress, splitOwned } from '../kernel/address.ts';
import { argumentsOf, data, partsOf, type Body, type Part } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import type { ErrorBody } from '../kernel/error-body.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Message } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
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
    ...behind(message.from),
    ...(message.conversationId === undefined ? {} : { conversation: message.conversationId }),
    ...(message.deadline === undefined ? {} : { deadline: message.deadline }),
    ...(crossing.hold ? { hold: crossing.hold } : {}),
    ...(crossing.approval
      ? { approval: crossing.approval.askId, argumentsHash: argumentsHash(keptMessage(message, target)) }
      : {}),
    ...notes(crossing),
    ...(message.idempotencyKey === undefined ? {} : { key: message.idempotencyKey }),
  };
}

/** Whom a sender acts for, by id: the nearest first. */
function behind({ onBehalfOf }: Principal): { readonly onBehalfOf?: string[] } {
  const chain: string[] = [];
  for (let who = onBehalfOf; who; who = who.onBehalfOf) chain.push(who.id);
  return chain.length === 0 ? {} : { onBehalfOf: chain };
}

/** What `@log` policies want to stand in the record. */
export function notes({ obligations }: Pick<Crossing, 'obligations'>): { readonly notes?: string[] } {
  const logged = obligations.filter((obligation) => obligation.kind === 'log').map((obligation) => obligation.value);
  return logged.length === 0 ? {} : { notes: logged };
}

/** Sender, target, action and the whole content in canonical form: what one agrees to. */
export function contentOf({ from, to, action, body }: Message): string {
  return canonicalJson({ tenant: from.tenant, from: from.id, ...behind(from), to, action, ...wholeOf(body) });
}

/** All that a target gets of a body: its parts, and the metadata of an A2A message. */
export const wholeOf = (body: Body): { readonly parts: readonly Part[]; readonly metadata?: JsonObject } => ({
  parts: partsOf(body),
  ...(body.type === 'a2a' && body.value.metadata ? { metadata: body.value.metadata } : {}),
});

/**
 * What an approval is bound to, HMAC-SHA256 (base64url) of the content under the message's own salt. Heads are never
 * erased; the salt is, with the message, and then nothing can be guessed from the hash that is left.
 */
export function argumentsHash(message: Message): string {
  if (message.salt === undefined) throw new AipError('INTERNAL_ERROR');
  return createHmac('sha256', message.salt).update(contentOf(message)).digest('base64url');
}

/** The message as it is kept for a second delivery: without the arguments that are secrets, nor a frame that holds them. */
export function keptMessage(message: Message, { secrets = [] }: Pick<CatalogueEntry, 'secrets'>): Message {
  if (secrets.length === 0) return message;
  const named = argumentsOf(message.body);
  const withheld = secrets.filter((name) => Object.hasOwn(named, name));
  if (withheld.length === 0) return message;
  const rest = Object.entries(named).filter(([name]) => !withheld.includes(name));
  const { signed: _signed, native: _native, ...kept } = message;
  return { ...kept, body: data(Object.fromEntries(rest)), withheld };
}

export const messageBody = (message: Message, target: CatalogueEntry): string =>
  JSON.stringify(keptMessage(message, target));

export function denial(crossing: Crossing, error: ErrorBody, guard: string): EntryDraft {
  const { message } = crossing;
  const head: JsonObject = {
    message: message.id,
    from: message.from.id,
    fromName: message.from.name,
    to: message.to,
    action: message.action,
    edge: message.edge,
    ...behind(message.from),
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
