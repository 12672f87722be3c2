import { AipError, type JsonObject } from '@aip/wire';
import type { Body } from '../kernel/body.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Crossing } from '../kernel/guard.ts';
import { uuidv7 } from '../kernel/ids.ts';
import type { Session } from '../kernel/session.ts';
import type { Acceptance } from './acceptance.ts';
import type { Catalogue } from './catalogue.ts';
import { actingFor, chainOf, crossingOf } from './crossing.ts';
import type { Dispatcher } from './dispatch.ts';
import type { LiveTask } from './live-task.ts';
import { admitAnswer, type Slots } from './pipeline.ts';
import { notes } from './records.ts';
import { skillsOf } from './skill-meant.ts';

/**
 * Gives a task what it has asked its caller. An answer reaches the target as a call does, so it crosses the guards as
 * the call that it belongs to would now, and is on record with its content before it goes on; a refused one leaves the
 * task waiting. Throws TASK_NOT_FOUND for a task that is not the caller's own, or has ended, NOT_FOUND for an ask that
 * is not open, and what the guards and the commit refuse.
 */
export type AnswerTask = (session: Session, taskId: string, askId: string, body: Body) => Promise<void>;

export interface AnswersOptions {
  readonly live: ReadonlyMap<string, LiveTask>;
  readonly slots: Slots;
  readonly catalogue: Catalogue;
  readonly acceptance: Pick<Acceptance, 'deny'>;
  readonly dispatcher: Pick<Dispatcher, 'recordAnswer'>;
  readonly clock: Clock;
}

export function createAnswers({ live, slots, catalogue, acceptance, dispatcher, clock }: AnswersOptions): AnswerTask {
  /** The call, as whoever answers would make it now. */
  function crossingOfAnswer({ principal, id, edge }: Session, task: LiveTask): Crossing {
    const from = actingFor(principal, task.message.from.onBehalfOf);
    const reply = { id: uuidv7(clock.now()), inReplyTo: task.message.id, from, session: id, edge };
    const message = { ...task.message, ...reply };
    const target = catalogue.get(message.to) ?? task.target;
    const skills = skillsOf(catalogue, target, message);
    const crossing = crossingOf(message, target, skills, chainOf(task), task.crossing.approval);
    return { ...crossing, repeats: true };
  }

  return async (session, taskId, askId, body) => {
    const task = live.get(taskId);
    const own = task?.tenant === session.principal.tenant && task.message.from.id === session.principal.id;
    if (!task || !own || hasEnded(task)) throw notFound(taskId);
    const waiting = task.answers.get(askId);
    if (!waiting) throw new AipError('NOT_FOUND', `Task ${taskId} does not wait for an answer to ${askId}.`);
    const crossing = crossingOfAnswer(session, task);
    const verdict = admitAnswer(slots, crossing);
    if (verdict.verdict === 'deny') return acceptance.deny(crossing, verdict);
    // Of two answers at once, one is the answer.
    task.answers.delete(askId);
    const refusal = await dispatcher.recordAnswer(task, { type: 'answered', askId, body }, headOf(askId, crossing));
    if (refusal) {
      task.answers.set(askId, waiting);
      return acceptance.deny(crossing, { verdict: 'deny', error: refusal });
    }
    if (hasEnded(task)) throw notFound(taskId);
    waiting.resolve(body);
  };
}

/** What has been canceled has nothing sent to its target any more. */
const hasEnded = ({ settling, canceled }: LiveTask): boolean => settling || canceled !== undefined;

const notFound = (taskId: string): AipError =>
  new AipError('TASK_NOT_FOUND', `There is no live task ${taskId} of yours.`);

/** Public head of an answer: who gave it, to what, under which scopes. */
const headOf = (askId: string, crossing: Crossing): JsonObject => ({
  ask: askId,
  message: crossing.message.id,
  from: crossing.message.from.id,
  edge: crossing.message.edge,
  scopes: [...crossing.scopes],
  policies: crossing.policies,
  ...(crossing.plane === 'control' ? { plane: 'control' } : {}),
  ...notes(crossing),
});
