import { AipError } from '@aip/wire';
import { everyTaskEvent, storedMessage, taskHead } from '../../exchange/history.ts';
import type { Call, Exchange } from '../../exchange/index.ts';
import type { TaskView } from '../../exchange/task-view.ts';
import type { TaskEvent } from '../../kernel/task.ts';
import type { Caller } from './service.ts';
import { projectTask, type TaskDetail, type TaskProjection } from './task-projection.ts';

/** A task as the exchange knows it. */
export interface KnownTask {
  readonly tenant: string;
  readonly view: TaskView;
  /** Read when they are gone through, once. */
  readonly events: Iterable<TaskEvent>;
}

export interface KnownTasks {
  /** The operation decides who may see it; through an agent's interface only that agent's tasks exist. Throws TASK_NOT_FOUND. */
  task(caller: Caller, id: string): Promise<KnownTask>;
  /** Throws TASK_NOT_FOUND. */
  call(caller: Caller, id: string): Call;
  /** With everything that has happened in it. */
  projected(task: KnownTask, detail?: TaskDetail): TaskProjection;
}

export function createKnownTasks(exchange: Exchange): KnownTasks {
  async function task(caller: Caller, id: string): Promise<KnownTask> {
    const found = await exchange.operate(caller.session, 'tasks.get', { task: id, limit: 1 });
    const { task: view } = found as unknown as { task: TaskView };
    if (caller.agent && view.assignee !== caller.agent.owner)
      throw new AipError('TASK_NOT_FOUND', `${caller.agent.ownerName} has no task ${id} that you may see.`);
    const { tenant } = caller.session.principal;
    return { tenant, view, events: everyTaskEvent(exchange.journal.read, tenant, id) };
  }

  function call(caller: Caller, id: string): Call {
    const found = exchange.call(caller.session.principal.tenant, id);
    if (!found) throw new AipError('TASK_NOT_FOUND', `Task ${id} is gone.`);
    return found;
  }

  function projected({ tenant, view, events }: KnownTask, detail: TaskDetail = {}): TaskProjection {
    const { read } = exchange.journal;
    const head = detail.historyLength === 0 ? undefined : taskHead(read, tenant, view.id);
    const projection = projectTask(view.id, contextOf(view), head && storedMessage(read, tenant, head));
    for (const event of events) projection.apply(event);
    return projection;
  }

  return { task, call, projected };
}

/** The projection of a call that is followed from its first event on. */
export const projectionOf = (call: Call): TaskProjection =>
  projectTask(call.taskId, call.message?.conversationId ?? call.taskId, call.message);

export const contextOf = (view: TaskView): string => view.conversation ?? view.id;
