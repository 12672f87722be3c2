import { AipError } from '@aip/wire';
import { z } from 'zod';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { JournalReader } from '../kernel/journal.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import type { Principal } from '../kernel/principal.ts';
import { isTerminal, type TaskHead } from '../kernel/task.ts';
import type { Exchange } from './exchange.ts';
import { eventOf, taskHead } from './history.ts';
import { countTasks, listTasks } from './task-listing.ts';
import { taskEventSchema, taskView, taskViewSchema, type TaskView } from './task-view.ts';

const MAX_PAGE = 500;
const MAX_EVENTS = 10_000;

/** What a call does outside is between the platform and the target. */
type ShownEntry = Omit<CatalogueEntry, 'binding'>;

/** What can be addressed, as the catalogue has it. */
const entrySchema = z.object({
  address: z.string(),
  kind: z.enum(['agent', 'skill', 'tool', 'resource', 'template', 'prompt', 'operation']),
  name: z.string(),
  owner: z.string(),
  ownerName: z.string(),
  title: z.string().optional(),
  description: z.string(),
  inputSchema: z.record(z.string(), z.json()).optional(),
  outputSchema: z.record(z.string(), z.json()).optional(),
  effect: z.enum(['read', 'write', 'external']),
  plane: z.literal('control').optional(),
  tenant: z.string().optional(),
  secrets: z.array(z.string()).optional(),
  idempotent: z.boolean(),
  /** It asks its caller questions, and is only there for callers that can answer. */
  asks: z.literal(true).optional(),
  tasks: z.enum(['optional', 'required']).optional(),
  /** Integer units for one call. */
  price: z.number(),
  state: z.enum(['active', 'offline', 'quarantined', 'gone']),
  digest: z.string().optional(),
  native: z.record(z.string(), z.json()).optional(),
  tags: z.array(z.string()).optional(),
  examples: z.array(z.json()).optional(),
} satisfies Record<keyof ShownEntry, z.ZodType>);

/** Whether a principal sees and steers what belongs to others. */
const oversees = (principal: Principal): boolean =>
  principal.roles.includes('admin') || principal.roles.includes('operator');

/** What the exchange itself offers: its tasks, its catalogue, its stream of entries. */
export function exchangeOperations(exchange: () => Exchange): Operation[] {
  const read = (): JournalReader => exchange().journal.read;

  /** A task that is not the caller's does not exist for it. */
  function visibleHead(principal: Principal, id: string): TaskHead {
    const head = taskHead(read(), principal.tenant, id);
    const own = head && (head.from === principal.id || head.assignee === principal.id || oversees(principal));
    if (!head || !own) throw new AipError('TASK_NOT_FOUND', `There is no task ${id} that ${principal.name} may see.`);
    return head;
  }

  const viewOf = (head: TaskHead): TaskView => taskView(head, (did) => exchange().catalogue.get(`agent:${did}`)?.name);

  /** Agents may be named; tasks know them by their DID. Servers and services have no other id than the one given. */
  const idOf = (agent: string, tenant: string): string =>
    exchange()
      .catalogue.list({ kind: 'agent', tenant })
      .find(({ name }) => name === agent)?.owner ?? agent;

  return [
    operation({
      name: 'tasks.get',
      summary: 'One task with its recorded events, page by page.',
      effect: 'read',
      plane: 'data',
      input: z.object({
        task: z.string().min(1).max(128),
        /** Number of the last event that the caller has. */
        after: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(MAX_EVENTS).default(1_000),
      }),
      output: z.object({
        task: taskViewSchema,
        events: z.array(taskEventSchema),
        /** What to send as `after` for the next page; absent at the last recorded event. */
        next: z.number().optional(),
      }),
      handler({ principal }, { task, after, limit }) {
        const head = visibleHead(principal, task);
        const events = read()
          .taskEntries(principal.tenant, head.id, after, limit)
          .map((entry) => ({ ...eventOf(read(), entry), seq: entry.seq }));
        const last = events.at(-1)?.n ?? head.n;
        return { output: { task: viewOf(head), events, ...(last < head.n ? { next: last } : {}) } };
      },
    }),
    operation({
      name: 'tasks.list',
      summary: 'Your own tasks, latest change first; for operators everybody’s.',
      effect: 'read',
      plane: 'data',
      input: z.object({
        state: z.string().max(32).optional(),
        /** Calls of agents and tools only, or of the platform's own operations only. */
        kind: z.enum(['call', 'operation']).optional(),
        conversation: z.string().max(256).optional(),
        /** From or to this agent, by DID or name. */
        agent: z.string().max(256).optional(),
        /** Operators: whose tasks; without it everybody's. */
        from: z.string().max(256).optional(),
        limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
        cursor: z.string().max(512).optional(),
      }),
      output: z.object({
        tasks: z.array(taskViewSchema),
        /** How many tasks match on all pages. */
        total: z.number(),
        /** There may be more than `total`: counting a filtered list stops after 10,000 tasks. */
        at_least: z.boolean().optional(),
        /** The next page; one may be short, or empty, before the last. */
        next: z.string().optional(),
      }),
      handler({ principal }, input) {
        const { state, kind, conversation, limit, cursor } = input;
        const agent = input.agent === undefined ? undefined : idOf(input.agent, principal.tenant);
        const filtered = [state, kind, conversation, agent].some((filter) => filter !== undefined);
        const wanted = (head: TaskHead): boolean =>
          (kind === undefined || head.to.startsWith('operation:') === (kind === 'operation')) &&
          (state === undefined || head.state === state) &&
          (conversation === undefined || head.conversationId === conversation) &&
          (agent === undefined || head.assignee === agent || head.from === agent);
        const selection = {
          tenant: principal.tenant,
          from: oversees(principal) ? input.from : principal.id,
          wanted: filtered ? wanted : undefined,
        };
        const { heads, next } = listTasks(read(), selection, limit, cursor);
        const { total, atLeast } = countTasks(read(), selection);
        return {
          output: {
            tasks: heads.map(viewOf),
            total,
            ...(atLeast ? { at_least: true } : {}),
            ...(next === undefined ? {} : { next }),
          },
        };
      },
    }),
    operation({
      name: 'tasks.cancel',
      summary: 'Cancels a task that has not ended.',
      effect: 'write',
      plane: 'data',
      input: z.object({ task: z.string().min(1).max(128) }),
      output: z.object({ task: taskViewSchema }),
      async handler({ principal }, input) {
        const head = visibleHead(principal, input.task);
        if (isTerminal(head.state))
          throw new AipError('TASK_NOT_CANCELABLE', `Task ${head.id} has ended already, as ${head.state}.`);
        const reason = head.from === principal.id ? 'caller' : oversees(principal) ? 'operator' : 'assignee';
        if (!exchange().cancel(head.id, reason))
          throw new AipError('TASK_NOT_CANCELABLE', `Task ${head.id} is ending already.`);
        await exchange().call(principal.tenant, head.id)?.ended;
        return { output: { task: viewOf(taskHead(read(), principal.tenant, head.id) ?? head) } };
      },
    }),
    operation({
      name: 'catalogue.list',
      summary: 'Everything that can be called: agents, skills, tools, operations.',
      effect: 'read',
      plane: 'data',
      input: z.object({
        kind: z.enum(['agent', 'skill', 'tool', 'resource', 'template', 'prompt', 'operation']).optional(),
        owner: z.string().max(256).optional(),
      }),
      output: z.object({ entries: z.array(entrySchema) }),
      handler({ principal }, input) {
        const filter: { kind?: CatalogueEntry['kind']; owner?: string; tenant: string } = { tenant: principal.tenant };
        if (input.kind !== undefined) filter.kind = input.kind;
        if (input.owner !== undefined) filter.owner = input.owner;
        // What steers the platform, and what is to be looked at first, is shown to those who may steer it.
        const shown = exchange()
          .catalogue.list(filter)
          .filter((entry) => (entry.plane !== 'control' && entry.state !== 'quarantined') || oversees(principal))
          .map(({ binding: _, ...entry }): ShownEntry => entry);
        return { output: { entries: shown as unknown as z.infer<typeof entrySchema>[] } };
      },
    }),
    operation({
      name: 'events.follow',
      summary: 'Permission to follow the log as it grows (the live feed).',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({ size: z.number() }),
      handler: ({ principal }) => ({ output: { size: read().size(principal.tenant) } }),
    }),
  ];
}
