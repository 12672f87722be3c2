import { randomBytes } from 'node:crypto';
import { aipErrorFromBody, SALT_BYTES, type ErrorBody, type JsonObject } from '@aip/wire';
import type { Clock } from '../kernel/clock.ts';
import { errorBody, toErrorBody } from '../kernel/error-body.ts';
import type { Crossing, GuardVerdict } from '../kernel/guard.ts';
import { uuidv7 } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { unavailable, type Acceptance } from './acceptance.ts';
import type { Catalogue } from './catalogue.ts';
import { chainOf, crossingOf } from './crossing.ts';
import { createLiveTask, type LiveTask } from './live-task.ts';
import { createParking, type Parking } from './parking.ts';
import { admit, type Slots } from './pipeline.ts';
import type { Reception } from './reception.ts';
import { argumentsHash, keptMessage, messageBody, messageHead } from './records.ts';
import { skillsOf } from './skill-meant.ts';

/** How long an approved call waits for a target that is not connected, in milliseconds. */
const COMEBACK = 30_000;

type AskVerdict = Extract<GuardVerdict, { verdict: 'ask' }>;

/** How a wait for a person ends. */
export type Answer = { readonly approval: NonNullable<Crossing['approval']> } | { readonly denied: ErrorBody };

/** Calls that wait for a person: written, found again by an identical retry, decided anew when answered. */
export interface ParkedCalls {
  /** The waiting task of this call: the one that an identical call has opened, or a new one. Throws what the commit refuses. */
  park(crossing: Crossing, verdict: AskVerdict): Promise<LiveTask>;
  /** Whether this call is an identical retry of one that waits, or has waited. */
  repeats(crossing: Crossing): boolean;
  /** Lets a task wait, after a restart as well. `expires` in milliseconds since the Unix epoch. */
  readonly waitFor: (task: LiveTask, askId: string, hash: string, expires: number) => void;
  readonly resume: (taskId: string, answer: Answer) => Promise<void>;
  readonly delivered: Parking['delivered'];
}

export interface ParkedCallsOptions {
  readonly journal: Journal;
  readonly slots: Slots;
  readonly catalogue: Catalogue;
  readonly reception: Reception;
  readonly acceptance: Acceptance;
  readonly live: ReadonlyMap<string, LiveTask>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly asNow: (principal: Principal) => Principal;
  enlist(task: LiveTask): void;
}

export function createParkedCalls(options: ParkedCallsOptions): ParkedCalls {
  const { journal, slots, catalogue, reception, acceptance, live, clock, telemetry, asNow } = options;
  const parking = createParking();

  /** Writes the ask and the message it is about. Throws what the commit refuses. */
  async function openAsk(crossing: Crossing, verdict: AskVerdict): Promise<LiveTask> {
    const { target } = crossing;
    const message = { ...crossing.message, salt: randomBytes(SALT_BYTES).toString('base64url') };
    const task = createLiveTask(journal.read, { ...crossing, message });
    const expires = Math.min(verdict.expires, message.deadline ?? Number.MAX_SAFE_INTEGER);
    const ask = { id: uuidv7(clock.now()), of: 'operators', kind: verdict.kind, body: verdict.body, expires } as const;
    const head = { ...messageHead(crossing), argumentsHash: argumentsHash(keptMessage(message, target)), ask };
    const committed = await acceptance.commit(message.from, {
      kind: 'park',
      task: task.id,
      n: 1,
      head: head as unknown as JsonObject,
      body: messageBody(message, target),
    });
    if (!committed.ok) throw aipErrorFromBody(committed.error);
    task.n = 1;
    task.state = 'auth_required';
    task.stream.push({ type: 'asked', ask, state: 'auth_required', n: 1, at: committed.at });
    options.enlist(task);
    waitFor(task, ask.id, crossing.fingerprint(), expires);
    telemetry.messages.add(1, { edge: message.edge, outcome: 'parked', code: 'APPROVAL_REQUIRED' });
    const stop = acceptance.stopFor(crossing);
    if (stop) void acceptance.fail(task, stop);
    return task;
  }

  function waitFor(task: LiveTask, askId: string, hash: string, expires: number): void {
    const expired = errorBody(
      'APPROVAL_EXPIRED',
      'Nobody answered the approval in time; send the call again to ask anew.',
    );
    parking.park(task, askId, hash, expires - clock.now(), () => void acceptance.fail(task, expired));
  }

  async function resume(taskId: string, answer: Answer): Promise<void> {
    const task = live.get(taskId);
    if (!task?.parked || task.settling) return;
    parking.leave(task);
    if ('denied' in answer) return acceptance.fail(task, answer.denied);
    try {
      await redecide(task, answer.approval);
    } catch (error) {
      await acceptance.fail(task, toErrorBody(error));
    }
  }

  /** A parked message is never a revived coroutine: the stored message passes all slots again, its sender as it is now. */
  async function redecide(task: LiveTask, approval: NonNullable<Crossing['approval']>): Promise<void> {
    // After a restart the target may still be on its way back.
    const route = await reception.routeSoon(task.target, COMEBACK);
    if (task.settling) return;
    const target = catalogue.resolve(task.message.to, task.tenant);
    task.target = target;
    if (!route) return acceptance.fail(task, unavailable(target).error);
    task.message = { ...task.message, from: asNow(task.message.from) };
    const crossing = crossingOf(
      task.message,
      target,
      skillsOf(catalogue, target, task.message),
      chainOf(task),
      approval,
    );
    const verdict = admit(slots, crossing);
    if (verdict.verdict === 'deny') return acceptance.fail(task, verdict.error);
    if (verdict.verdict === 'ask')
      return acceptance.fail(
        task,
        errorBody('APPROVAL_REQUIRED', 'The policy has changed and asks for another approval; send the call again.'),
      );
    reception.latch(crossing);
    // From here on a cancellation no longer finds it waiting.
    const { askId } = task;
    delete task.askId;
    const refusal = await acceptance.accept(task, crossing);
    if (refusal) {
      task.askId = askId as string;
      return acceptance.fail(task, refusal);
    }
    await acceptance.run(task, crossing, route);
  }

  return {
    park: (crossing, verdict) => parking.find(crossing.fingerprint(), () => openAsk(crossing, verdict)),
    repeats: (crossing) => parking.holds(() => crossing.fingerprint()),
    waitFor,
    resume,
    delivered: parking.delivered,
  };
}
