import { AipError, type JsonObject } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../exchange/index.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import type { Principal } from '../kernel/principal.ts';
import { agentView, agentViewSchema, capabilitySchema, nameSchema, strangerSchema, type AgentView } from './agent.ts';
import { agentKey, pendingKey } from './decider.ts';
import type { Door } from './door.ts';
import type { Registry } from './registry.ts';

const INVITATION_LIFETIME = 24 * 3600_000;

const connectInput = z.object({
  name: nameSchema.optional(),
  description: z.string().max(2_000).default(''),
  version: z.string().max(64).default(''),
  join_token: z.string().max(128).optional(),
  capabilities: z.array(capabilitySchema).max(500).default([]),
  protocol: z.string().max(32).default('ioap'),
});

/** Agents: invited, admitted, connected, found, removed. */
export function registryOperations(
  registry: Registry,
  exchange: () => Exchange,
  door: Door,
  now: () => number,
): Operation[] {
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
        roles: z.array(nameSchema).max(16).default([]),
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
      summary: 'Admits an agent that has asked to join.',
      effect: 'write',
      plane: 'control',
      input: z.object({
        agent: z.string().startsWith('did:').max(256),
        name: nameSchema.optional(),
        roles: z.array(nameSchema).max(16).default([]),
      }),
      output: z.object({ did: z.string(), name: z.string() }),
      handler({ principal }, input) {
        const { read } = exchange().journal;
        const known = read.row(principal.tenant, agentKey(input.agent)) as { name: string } | undefined;
        const pending = read.row(principal.tenant, pendingKey(input.agent)) as { name?: string } | undefined;
        const name = input.name ?? known?.name ?? pending?.name ?? input.agent.slice(-8);
        const head = {
          did: input.agent,
          name,
          roles: input.roles,
          by: principal.id,
          ...(input.name === undefined ? {} : { named: true }),
          ...renamed(known, name),
        };
        return { output: { did: input.agent, name }, entries: [{ kind: 'agent.admit', head }] };
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
            output: {
              agents: exchange()
                .journal.read.open(principal.tenant, 'pending:')
                .map((row) => row.value as unknown as z.infer<typeof strangerSchema>),
            },
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
      summary: 'Removes an agent: it has to be admitted again to come back.',
      effect: 'write',
      plane: 'control',
      input: z.object({ agent: z.string().min(1).max(256) }),
      output: z.object({ did: z.string() }),
      handler({ principal }, { agent }) {
        const { did, name } = find(principal, agent);
        return { output: { did }, entries: [{ kind: 'agent.remove', head: { did, name, by: principal.id } }] };
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
