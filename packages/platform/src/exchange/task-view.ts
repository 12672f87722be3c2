import type { TaskHead } from '../kernel/task.ts';

/** A task as operations show it. Times are ISO 8601. */
export interface TaskView {
  readonly id: string;
  readonly state: TaskHead['state'];
  readonly from: string;
  readonly from_name: string;
  readonly to: string;
  readonly action: string;
  readonly edge: string;
  readonly assignee?: string;
  readonly conversation?: string;
  readonly parent?: string;
  readonly ask?: string;
  /** Number of the last event. */
  readonly events: number;
  readonly price: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export function taskView(head: TaskHead): TaskView {
  return {
    id: head.id,
    state: head.state,
    from: head.from,
    from_name: head.fromName,
    to: head.to,
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
