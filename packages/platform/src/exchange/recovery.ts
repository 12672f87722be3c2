import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { errorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Route } from '../kernel/route.ts';
import type { TaskEvent, TaskHead } from '../kernel/task.ts';
import type { Catalogue } from './catalogue.ts';
import { chainOf, crossingOf } from './crossing.ts';
import type { Dispatcher } from './dispatch.ts';
import { everyTaskEvent, storedMessage, taskEvents } from './history.ts';
import { createLiveTask, type LiveTask } from './live-task.ts';
import { readmit, type Slots } from './pipeline.ts';
import { rememberedTarget } from './records.ts';
import { skillsOf } from './skill-meant.ts';

export interface RecoveryOptions {
  readonly journal: Journal;
  readonly catalogue: Catalogue;
  readonly dispatcher: Dispatcher;
  readonly slots: Slots;
  readonly isGone: (principal: Principal) => boolean;
  readonly asNow: (principal: Principal) => Principal;
  enlist(task: LiveTask): void;
  park(task: LiveTask, askId: string, hash: string, expires: number): void;
  routeTo(target: CatalogueEntry, wait: number): Promise<Route | undefined>;
}

/** Events of a task that are taken into memory again. */
const REMEMBERED = 500;
/** How long a target may take to come back after a restart, in milliseconds. */
const COMEBACK = 60_000;

/**
 * Takes up what a restart has interrupted. Parked calls wait on; a step in flight is delivered again under its
 * key if it is declared idempotent, followed if its target has given it a handle, else it ends with its effect unknown. Completed steps are never touched.
 */
export function createRecovery(options: RecoveryOptions) {
  const { journal, catalogue, dispatcher } = options;

  return function recover(tenant: string, head: TaskHead): void {
    const message = storedMessage(journal.read, tenant, head);
    if (!message)
      return void dispatcher.settleLost(
        tenant,
        head,
        errorBody(
          'EFFECT_UNKNOWN',
          'The platform restarted, and this task cannot be continued: its message is not there, or is damaged.',
        ),
      );
    const target = catalogue.get(head.to) ?? rememberedTarget(head);
    const events = taskEvents(journal.read, tenant, head.id, Math.max(0, head.n - REMEMBERED));
    const crossing = crossingOf(message, target, skillsOf(catalogue, target, message), chainOf(head));
    if (head.hold) crossing.hold = head.hold;
    const task = createLiveTask(journal.read, crossing);
    task.n = head.n;
    task.state = head.state;
    task.deliveries = head.deliveries ?? 1;
    for (const event of events) task.stream.push(event);
    options.enlist(task);
    const parked = head.state === 'auth_required' && head.askId !== undefined;
    if (parked && message.withheld) {
      task.askId = head.askId;
      void dispatcher.settle(task, { type: 'failed', error: secretsLost(message.withheld), effect: 'none' });
    } else if (parked) options.park(task, head.askId, crossing.fingerprint(), expiryOf(events));
    else void redeliver(task, head);
  };

  async function redeliver(task: LiveTask, head: TaskHead): Promise<void> {
    const handle = handleIn(everyTaskEvent(journal.read, task.tenant, task.id));
    if (handle === undefined && !head.idempotent && head.effect !== 'read') {
      const error = errorBody(
        'EFFECT_UNKNOWN',
        'The platform stopped while this step was under way, and the step is not declared idempotent; check its effect before repeating it.',
      );
      return dispatcher.settle(task, { type: 'failed', error, effect: 'unknown' });
    }
    const route = await options.routeTo(task.target, COMEBACK);
    if (!route) {
      const error = errorBody(
        'AGENT_UNAVAILABLE',
        `${task.target.ownerName} did not come back within ${COMEBACK / 1000} s of the restart.`,
      );
      return dispatcher.settle(task, { type: 'failed', error, effect: 'unknown' });
    }
    if (task.canceled !== undefined) return;
    if (options.isGone(task.message.from))
      return dispatcher.settle(task, { type: 'canceled', reason: 'revoked', effect: 'unknown' });
    task.target = catalogue.get(head.to) ?? task.target;
    task.message = { ...task.message, from: options.asNow(task.message.from) };
    const { target, message } = task;
    const { from: principal } = message;
    task.crossing = { ...task.crossing, message, principal, target, skills: skillsOf(catalogue, target, message) };
    const verdict = readmit(options.slots, task.crossing);
    if (verdict.verdict === 'deny')
      return dispatcher.settle(task, { type: 'failed', error: verdict.error, effect: 'unknown' });
    // What is followed is not delivered a second time.
    if (handle !== undefined) return dispatcher.run(task, task.crossing, route, { resumeFrom: head.n, handle });
    const delivery = await dispatcher.redeliver(task);
    if (delivery !== undefined) await dispatcher.run(task, task.crossing, route, { resumeFrom: head.n });
  }
}

/** By what the target knows the work, if it has said so. */
function handleIn(events: Iterable<TaskEvent>): string | undefined {
  let handle: string | undefined;
  for (const event of events) if (event.type === 'working') handle = event.handle ?? handle;
  return handle;
}

const secretsLost = (names: readonly string[]): ErrorBody =>
  errorBody(
    'SECRETS_NOT_KEPT',
    `The platform restarted while this call waited, and secrets (${names.join(', ')}) are never kept, so it was not run; make the call again.`,
    { inputs: [...names] },
  );

function expiryOf(events: readonly TaskEvent[]): number {
  const asked = events.findLast((event) => event.type === 'asked');
  return asked?.type === 'asked' ? (asked.ask.expires ?? 0) : 0;
}
