import { z } from 'zod';
import { TASK_STATES, type TaskHead } from '../kernel/task.ts';

const state = z.enum(TASK_STATES);

/** A task as operations show it. Times are ISO 8601. */
export const taskViewSchema = z.object({
  id: z.string(),
  state,
  from: z.string(),
  from_name: z.string(),
  to: z.string(),
  /** The same, with the name of an agent instead of its DID where it is known. */
  to_name: z.string(),
  action: z.string(),
  edge: z.string(),
  assignee: z.string().optional(),
  conversation: z.string().optional(),
  parent: z.string().optional(),
  ask: z.string().optional(),
  /** Number of the last event. */
  events: z.number(),
  price: z.number(),
  created_at: z.string(),
  updated_at: z.string(),
});

export type TaskView = z.infer<typeof taskViewSchema>;

/**
 * A recorded step; what else it carries depends on its type. `at` in milliseconds since the Unix epoch, `seq` the number
 * of its entry in the log.
 */
export const taskEventSchema = z.looseObject({
  n: z.number(),
  seq: z.number(),
  at: z.number(),
  type: z.string(),
  state,
});

/** @param nameOf the name of the agent with this DID, if it is known */
export function taskView(head: TaskHead, nameOf: (did: string) => string | undefined): TaskView {
  return {
    id: head.id,
    state: head.state,
    from: head.from,
    from_name: head.fromName,
    to: head.to,
    to_name: withName(head.to, nameOf),
    action: head.action,
    edge: head.edge,
    events: head.n,
    price: head.hold?.amount ?? 0,
    created_at: new Date(head.created).toISOString(),
    updated_at: new Date(head.updated).toISOString(),
    ...(head.assignee === undefined ? {} : { assignee: head.assignee }),
    ...(head.conversationId === undefined ? {} : { conversation: head.conversationId }),
    ...(head.parentId === undefined ? {} : { parent: head.parentId }),
    ...(head.askId === undefined || head.state !== 'auth_required' ? {} : { ask: head.askId }),
  };
}

const withName = (to: string, nameOf: (did: string) => string | undefined): string =>
  to.replace(/(?<=^(?:agent|skill):)[^/]+/, (did) => nameOf(did) ?? did);
