import { AipError, type JsonObject } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../exchange/index.ts';
import { didSchema } from '../kernel/did.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import type { Principal } from '../kernel/principal.ts';
import {
  agentView,
  agentViewSchema,
  capabilitySchema,
  nameSchema,
  strangerSchema,
  type AgentRow,
  type AgentView,
} from './agent.ts';
import { agentKey, pendingKey, type PendingRow } from './decider.ts';
import type { Door } from './door.ts';
import type { Registry } from './registry.ts';

const INVITATION_LIFETIME = 24 * 3600_000;

/** No more than a token does an agent become the administrator. */
const rolesSchema = z
  .array(nameSchema.refine((role) => role.toLowerCase() !== 'admin', '"admin" is the administrator’s role alone'))
  .max(16);

const connectInput = z.object({
  name: nameSchema.optional(),
  description: z.string().max(2_000).default(''),
  version: z.string().max(64).default(''),
  join_token: z.string().max(128).optional(),
  capabilities: z.array(capabilitySchema).max(500).default([]),
  protocol: z.string().max(32).default('ioap'),
});

/** What the registry has to know about identity, which fills it in. */
export interface RegistryFacts {
  /** Ids of the API tokens that stand for an agent. */
  tokensOf(did: string, tenant: string): readonly string[];
}

/** Agents: invited, admitted, connected, found, removed. */
export function registryOperations(
  registry: Registry,
  exchange: () => Exchange,
  door: Door,
  facts: RegistryFacts,
  now: () => number,
): Operation[] {
  const strangers = (tenant: string): PendingRow[] =>
    exchange()
      .journal.read.open(tenant, 'pending:')
      .map(({ value }) => value as unknown as PendingRow);

  function find({ tenant }: Principal, agent: string): AgentView {
    const view = registry.view(exchange().catalogue.resolve(`agent:${agent}`, tenant).owner);
    if (!view) throw new AipError('UNKNOWN_AGENT', `No agent "${agent}" is known here.`);
    return view;
  }

  return [
    operation({
      name: 'agents.invite',
      summary: 'Makes a join token that admits one agent, once.',
      effect: 'write',
      plane: 'control',
      input: z.object({
        name: nameSchema.optional(),
        roles: rolesSchema.default([]),
        expires_in: z.coerce
          .number()
          .int()
          .min(60)
          .max(30 * 86_400)
          .optional(),
      }),
      output: z.object({ join_token: z.string(), expires_at: z.string() }),
      handler(_call, input) {
        const expires = now() + (input.expires_in === undefined ? INVITATION_LIFETIME : input.expires_in * 1000);
        const named = input.name === undefined ? {} : { name: input.name };
        const { token, entry } = door.invite({ roles: input.roles, expires, ...named });
        return {
          output: { join_token: token, expires_at: new Date(expires).toISOString() },
          entries: [entry],
          secret: true,
        };
      },
    }),
    operation({
      name: 'agents.admit',
      summary: 'Admits an agent that has asked to join, or gives one another name or other roles.',
      effect: 'write',
      plane: 'control',
      input: z.object({
        agent: didSchema,
        name: nameSchema.optional(),
        /** Unless given, a new agent has none, and a known one keeps its own. */
        roles: rolesSchema.optional(),
      }),
      output: z.object({
        did: z.string(),
        name: z.string(),
        /** Nobody with this DID has asked to join yet. */
        in_advance: z.literal(true).optional(),
      }),
      handler({ principal }, input) {
        const { read } = exchange().journal;
        const known = read.row(principal.tenant, agentKey(input.agent)) as AgentRow | undefined;
        const pending = read.row(principal.tenant, pendingKey(input.agent)) as { name?: string } | undefined;
        const name = input.name ?? known?.name ?? pending?.name ?? input.agent.slice(-8);
        const head = {
          did: input.agent,
          name,
          roles: input.roles ?? [...(known?.roles ?? [])],
          by: principal.id,
          ...(input.name === undefined ? {} : { named: true }),
          ...renamed(known, name),
        };
        const advance = known || pending ? {} : { in_advance: true as const };
        return { output: { did: input.agent, name, ...advance }, entries: [{ kind: 'agent.admit', head }] };
      },
    }),
    operation({
      name: 'agents.dismiss',
      summary: 'Forgets strangers that have asked to join: one of them, or all. They may ask again.',
      effect: 'write',
      plane: 'control',
      input: z.object({ agent: didSchema.optional() }),
      output: z.object({ dismissed: z.number() }),
      handler({ principal }, { agent }) {
        const meant = strangers(principal.tenant).filter(({ did }) => agent === undefined || did === agent);
        if (agent !== undefined && meant.length === 0)
          throw new AipError('UNKNOWN_AGENT', `${agent} does not wait for admission.`);
        const entries = meant.map(({ did }) => ({ kind: 'agent.dismiss', head: { did, by: principal.id } }));
        return { output: { dismissed: meant.length }, entries };
      },
    }),
    operation({
      name: 'agents.connect',
      summary: 'An agent announces itself and what it can do.',
      effect: 'write',
      plane: 'data',
      input: connectInput,
      secrets: ['join_token'],
      output: agentViewSchema,
      async handler({ principal }, input) {
        if (principal.kind !== 'agent')
          throw new AipError('PERMISSION_DENIED', 'Only agents connect; this is a ' + principal.kind + '.');
        const known = registry.get(principal.id);
        const name = (known?.named ? known.name : input.name) ?? known?.name ?? principal.id.slice(-8);
        const { description, version, protocol, capabilities } = input;
        const card = { description, version, protocol, capabilities };
        const at = new Date(now()).toISOString();
        const presence = { state: 'connected', connected_at: at, last_activity: at } as const;
        if (known) {
          const entry: EntryDraft = {
            kind: 'agent.connect',
            head: { did: principal.id, name, ...renamed(known, name), card } as unknown as JsonObject,
          };
          return { output: { ...agentView(known, undefined), ...card, ...presence, name }, entries: [entry] };
        }
        // The trust guard has let it in because of its token; the commit decides that the token is used once.
        const admit = door.admission(principal, input.join_token ?? '', name);
        const { name: given, roles, by } = admit.head as { name: string; roles: string[]; by: string };
        const output: AgentView = {
          did: principal.id,
          ...card,
          ...presence,
          name: given,
          roles,
          admitted_by: by,
          admitted_at: at,
        };
        const entry: EntryDraft = { kind: 'agent.connect', head: { did: principal.id, card } as unknown as JsonObject };
        return { output, entries: [admit, entry] };
      },
    }),
    operation({
      name: 'agents.disconnect',
      summary: 'An agent leaves; it stays known and admitted.',
      effect: 'write',
      // Leaving has to work for whoever has been stopped, too.
      plane: 'control',
      input: z.object({}),
      output: z.object({ did: z.string() }),
      handler({ principal }) {
        registry.disconnect(principal.id);
        return { output: { did: principal.id }, entries: [{ kind: 'agent.disconnect', head: { did: principal.id } }] };
      },
    }),
    operation({
      name: 'agents.list',
      summary:
        'Agents by words in their card, by capability, or by state; strangers that wait for admission on request.',
      effect: 'read',
      plane: 'data',
      input: z.object({
        query: z.string().max(200).optional(),
        capability: z.string().max(64).optional(),
        state: z.enum(['connected', 'offline', 'pending']).optional(),
        limit: z.coerce.number().int().min(1).max(1_000).default(100),
        cursor: z.string().max(256).optional(),
      }),
      output: z.object({ agents: z.array(z.union([agentViewSchema, strangerSchema])), next: z.string().optional() }),
      handler({ principal }, input) {
        if (input.state === 'pending')
          return {
            output: { agents: strangers(principal.tenant).map(({ did, name, asked }) => ({ did, name, asked })) },
          };
        const found = registry
          .views(principal.tenant)
          .filter((view) => matches(view, input))
          .toSorted((a, b) => a.name.localeCompare(b.name));
        const from =
          input.cursor === undefined
            ? 0
            : found.findIndex((view) => view.name.localeCompare(input.cursor as string) > 0);
        const page = from < 0 ? [] : found.slice(from, from + input.limit);
        const more = from >= 0 && found.length > from + input.limit;
        return { output: { agents: page, ...(more ? { next: page.at(-1)?.name } : {}) } };
      },
    }),
    operation({
      name: 'agents.get',
      summary: 'One agent, by DID or name.',
      effect: 'read',
      plane: 'data',
      input: z.object({ agent: z.string().min(1).max(256) }),
      output: agentViewSchema,
      handler: ({ principal }, { agent }) => ({ output: find(principal, agent) }),
    }),
    operation({
      name: 'agents.remove',
      summary: 'Removes an agent and its API tokens: it has to be admitted again to come back.',
      effect: 'write',
      plane: 'control',
      input: z.object({ agent: z.string().min(1).max(256) }),
      output: z.object({ did: z.string() }),
      handler({ principal }, { agent }) {
        const { did, name } = find(principal, agent);
        const tokens = [...facts.tokensOf(did, principal.tenant)];
        const head = { did, name, by: principal.id, reserved: true, tokens };
        return { output: { did }, entries: [{ kind: 'agent.remove', head }] };
      },
    }),
  ];
}

/** What an entry says about a change of name, so that it names every row that it touches. */
const renamed = (known: { readonly name: string } | undefined, name: string): { was?: string } =>
  known && known.name !== name ? { was: known.name } : {};

function matches(
  view: AgentView,
  filter: { query?: string | undefined; capability?: string | undefined; state?: string | undefined },
): boolean {
  if (filter.state !== undefined && view.state !== filter.state) return false;
  if (filter.capability !== undefined && !view.capabilities.some((capability) => capability.name === filter.capability))
    return false;
  if (filter.query === undefined) return true;
  const text = [
    view.name,
    view.description,
    ...view.capabilities.flatMap((capability) => [capability.name, capability.description]),
  ]
    .join(' ')
    .toLowerCase();
  return filter.query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
