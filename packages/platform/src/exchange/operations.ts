import { AipError } from '@aip/wire';
import { z } from 'zod';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { JournalReader, RowListing } from '../kernel/journal.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import type { Principal } from '../kernel/principal.ts';
import { isTerminal, type TaskHead } from '../kernel/task.ts';
import type { Exchange } from './exchange.ts';
import { taskEvents, taskHead } from './history.ts';
import { taskList } from './task-decider.ts';
import { taskView } from './task-view.ts';

const MAX_PAGE = 500;

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

  return [
    operation({
      name: 'tasks.get',
      summary: 'One task with its recorded events.',
      effect: 'read',
      plane: 'data',
      input: z.object({ task: z.string().min(1).max(128), after: z.coerce.number().int().min(0).optional() }),
      output: z.object({ task: z.any(), events: z.array(z.any()) }),
      handler({ principal }, input) {
        const head = visibleHead(principal, input.task);
        return {
          output: { task: taskView(head), events: taskEvents(read(), principal.tenant, head.id, input.after ?? 0) },
        };
      },
    }),
    operation({
      name: 'tasks.list',
      summary: 'Your own tasks, latest change first; for operators everybody’s, newest first.',
      effect: 'read',
      plane: 'data',
      input: z.object({
        state: z.string().max(32).optional(),
        conversation: z.string().max(256).optional(),
        agent: z.string().max(256).optional(),
        /** Operators: whose tasks; without it everybody's, newest first. */
        from: z.string().max(256).optional(),
        limit: z.coerce.number().int().min(1).max(MAX_PAGE).optional(),
        cursor: z.string().max(512).optional(),
      }),
      output: z.object({ tasks: z.array(z.any()), next: z.string().optional() }),
      handler({ principal }, input) {
        const wanted = (head: TaskHead): boolean =>
          (input.state === undefined || head.state === input.state) &&
          (input.conversation === undefined || head.conversationId === input.conversation) &&
          (input.agent === undefined || head.assignee === input.agent || head.from === input.agent);
        const limit = input.limit ?? 50;
        const pages =
          oversees(principal) && input.from === undefined
            ? everyTask(read(), principal.tenant, input.cursor)
            : tasksOf(
                read(),
                principal.tenant,
                oversees(principal) ? (input.from as string) : principal.id,
                input.cursor,
              );
        const found: { head: TaskHead; cursor: string }[] = [];
        for (const item of pages) {
          if (wanted(item.head)) found.push(item);
          // One more than asked for tells whether there is a next page.
          if (found.length > limit) break;
        }
        const page = found.slice(0, limit);
        const next = found.length > limit ? page.at(-1)?.cursor : undefined;
        return { output: { tasks: page.map(({ head }) => taskView(head)), ...(next === undefined ? {} : { next }) } };
      },
    }),
    operation({
      name: 'tasks.cancel',
      summary: 'Cancels a task that has not ended.',
      effect: 'write',
      plane: 'data',
      input: z.object({ task: z.string().min(1).max(128) }),
      output: z.object({ task: z.any() }),
      async handler({ principal }, input) {
        const head = visibleHead(principal, input.task);
        if (isTerminal(head.state))
          throw new AipError('TASK_NOT_CANCELABLE', `Task ${head.id} has ended already, as ${head.state}.`);
        if (!exchange().cancel(head.id, 'caller'))
          throw new AipError('TASK_NOT_CANCELABLE', `Task ${head.id} is ending already.`);
        await exchange().call(principal.tenant, head.id)?.ended;
        return { output: { task: taskView(taskHead(read(), principal.tenant, head.id) ?? head) } };
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
      output: z.object({ entries: z.array(z.any()) }),
      handler({ principal }, input) {
        const filter: { kind?: CatalogueEntry['kind']; owner?: string; tenant: string } = { tenant: principal.tenant };
        if (input.kind !== undefined) filter.kind = input.kind;
        if (input.owner !== undefined) filter.owner = input.owner;
        // What steers the platform is shown to those who may steer it.
        const shown = exchange()
          .catalogue.list(filter)
          .filter((entry) => entry.plane !== 'control' || oversees(principal));
        return { output: { entries: shown } };
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

/** Rows fetched at a time while a filter skips through a long list. */
const CHUNK = 200;

function* tasksOf(read: JournalReader, tenant: string, principal: string, cursor: string | undefined) {
  let before = cursor === undefined ? undefined : parseCursor(cursor);
  for (;;) {
    const rows = read.list(tenant, taskList(principal), { limit: CHUNK, ...(before ? { before } : {}) });
    for (const row of rows) yield { head: headOf(row), cursor: `${row.updated}:${row.key}` };
    const last = rows.at(-1);
    if (!last || rows.length < CHUNK) return;
    before = { updated: last.updated, key: last.key };
  }
}

function* everyTask(read: JournalReader, tenant: string, cursor: string | undefined) {
  if (cursor?.startsWith('task:') === false) throw badCursor();
  let after = cursor;
  for (;;) {
    const rows = read.rows(tenant, 'task:', { newest: true, limit: CHUNK, ...(after === undefined ? {} : { after }) });
    for (const row of rows) yield { head: headOf(row), cursor: row.key };
    after = rows.at(-1)?.key;
    if (after === undefined || rows.length < CHUNK) return;
  }
}

const headOf = (row: RowListing): TaskHead => row.value as unknown as TaskHead;

const badCursor = (): AipError => new AipError('INVALID_ARGUMENT', 'cursor: not one that this list has handed out');

function parseCursor(cursor: string): { updated: number; key: string } {
  const colon = cursor.indexOf(':');
  const updated = Number(cursor.slice(0, colon));
  if (colon < 1 || !Number.isSafeInteger(updated)) throw badCursor();
  return { updated, key: cursor.slice(colon + 1) };
}
