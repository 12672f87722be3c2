import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { data, text, type Body } from '../../kernel/body.ts';
import type { Message as StoredMessage } from '../../kernel/message.ts';
import { ANONYMOUS } from '../../kernel/principal.ts';
import type { TaskEvent } from '../../kernel/task.ts';
import type { Artifact, StreamResponse, Task } from './protocol.ts';
import { projectTask } from './task-projection.ts';

const opening: StoredMessage = {
  id: 'm',
  kind: 'request',
  from: ANONYMOUS,
  to: 'agent:x',
  action: 'invoke',
  body: text('question'),
  session: 's',
  edge: 'ioap',
  taskId: 't',
  accepts: {},
};

type Step = Omit<TaskEvent, 'n' | 'at'> & { type: TaskEvent['type'] };

const events = (steps: readonly Step[]): TaskEvent[] =>
  [{ type: 'submitted', state: 'submitted' } as Step, ...steps].map(
    (step, index) => ({ ...step, n: index + 1, at: 1_000 * index }) as TaskEvent,
  );

function projected(steps: readonly Step[]): { task: Task; updates: StreamResponse[] } {
  const projection = projectTask('t', 'c', opening);
  const updates = events(steps).flatMap((event) => projection.apply(event));
  return { task: projection.task(), updates };
}

const output = (body: Body, more: object = {}): Step => ({ type: 'output', state: 'working', body, ...more }) as Step;
const done = (body: Body): Step => ({ type: 'done', state: 'completed', body }) as Step;
const contents = (task: Task) => (task.artifacts ?? []).map(({ artifactId, parts }) => [artifactId, parts]);

describe('a task as A2A sees it', () => {
  it('output without a name is an artifact of its own; pieces are appended to the latest of them', () => {
    const { task } = projected([
      output(text('a')),
      output(text('b'), { append: true }),
      output(text('c')),
      done(text('')),
    ]);
    expect(contents(task)).toEqual([
      ['output-2', [{ text: 'a' }, { text: 'b' }]],
      ['output-4', [{ text: 'c' }]],
    ]);
  });

  it('an artifact that comes again without append replaces the earlier one', () => {
    const { task, updates } = projected([
      output(text('a'), { artifactId: 'x' }),
      output(text('b'), { artifactId: 'x' }),
    ]);
    expect(contents(task)).toEqual([['x', [{ text: 'b' }]]]);
    expect(updates.some((update) => 'artifactUpdate' in update && update.artifactUpdate.append)).toBe(false);
  });

  it('a result that only repeats what was streamed is not a second artifact', () => {
    const streamed = [output(text('Once ')), output(text('upon'), { append: true })];
    expect(contents(projected([...streamed, done(text('Once upon'))]).task).map(([id]) => id)).toEqual(['output-2']);
    expect(contents(projected([...streamed, done(text('a time'))]).task).map(([id]) => id)).toEqual([
      'output-2',
      'result',
    ]);
    expect(contents(projected([done(data({ x: 1 }))]).task)).toEqual([['result', [{ data: { x: 1 } }]]]);
    expect(contents(projected([done(data(null))]).task)).toEqual([]);
  });

  it('the message that opened it is its history, whatever protocol it came by', () => {
    expect(projected([]).task.history).toEqual([
      { messageId: 'm', contextId: 'c', taskId: 't', role: 'ROLE_USER', parts: [{ text: 'question' }] },
    ]);
  });

  it.each([
    ['done', { type: 'done', state: 'completed', body: text('') }, 'TASK_STATE_COMPLETED'],
    [
      'failed',
      {
        type: 'failed',
        state: 'failed',
        effect: 'none',
        error: { code: 'TIMEOUT', message: 'Late.', retryable: true },
      },
      'TASK_STATE_FAILED',
    ],
    [
      'denied',
      {
        type: 'failed',
        state: 'rejected',
        effect: 'none',
        error: { code: 'APPROVAL_DENIED', message: 'No.', retryable: false },
      },
      'TASK_STATE_REJECTED',
    ],
    ['canceled', { type: 'canceled', state: 'canceled', reason: 'kill', effect: 'unknown' }, 'TASK_STATE_CANCELED'],
    [
      'asked',
      { type: 'asked', state: 'input_required', ask: { id: 'a', of: 'caller', kind: 'input', body: {} } },
      'TASK_STATE_INPUT_REQUIRED',
    ],
    [
      'parked',
      { type: 'asked', state: 'auth_required', ask: { id: 'a', of: 'operators', kind: 'approval', body: {} } },
      'TASK_STATE_AUTH_REQUIRED',
    ],
    ['redelivered', { type: 'redelivered', state: 'working' }, 'TASK_STATE_WORKING'],
  ])('%s is a status of its own', (_what, step, state) => {
    const { task, updates } = projected([step as Step]);
    expect(task.status.state).toBe(state);
    expect(updates.at(-1)).toMatchObject({ statusUpdate: { taskId: 't', contextId: 'c', status: { state } } });
  });

  it('logs are not shown to the caller', () => {
    expect(
      projected([{ type: 'log', state: 'working', level: 'info', data: text('inner') } as Step]).updates,
    ).toHaveLength(1);
  });

  it('whoever joins at any event and follows has the same task in the end, though it holds nothing of it meanwhile', () => {
    const body = fc.constantFrom<Body>(text('a'), text('bc'), data({ x: 1 }), {
      type: 'a2a',
      value: { parts: [{ text: 'p' }, { url: 'u:x' }], messageId: 'id' },
    });
    const step = fc.oneof<fc.Arbitrary<Step>[]>(
      fc
        .record({ body, artifactId: fc.constantFrom('x', 'y', undefined), append: fc.boolean(), last: fc.boolean() })
        .map(({ artifactId, body: piece, ...more }) =>
          output(piece, { ...more, ...(artifactId === undefined ? {} : { artifactId }) }),
        ),
      body.map((said) => ({ type: 'working', state: 'working', body: said }) as Step),
      fc.constant({ type: 'progress', state: 'working', progress: 1, message: 'm' } as Step),
      fc.constant({
        type: 'asked',
        state: 'input_required',
        ask: { id: 'a', of: 'caller', kind: 'input', body: {} },
      } as Step),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), body, fc.nat(12), (steps, result, at) => {
        const all = events([...steps, done(result)]);
        const whole = projectTask('t', 'c', opening);
        const follower = projectTask('t', 'c', opening);
        const from = Math.min(at, steps.length);
        let seen: Task | undefined;
        for (const [index, event] of all.entries()) {
          whole.apply(event);
          const updates = follower.apply(event);
          if (index === from) {
            seen = follower.task({ historyLength: 0 });
            follower.forget();
          } else if (seen) for (const update of updates) seen = applied(seen, update);
        }
        expect(seen).toEqual(whole.task({ historyLength: 0 }));
      }),
      { numRuns: 500 },
    );
  });
});

/** What a client of A2A makes of an update (sections 4.2.1 and 4.2.2). */
function applied(task: Task, update: StreamResponse): Task {
  if ('statusUpdate' in update) return { ...task, status: update.statusUpdate.status };
  if (!('artifactUpdate' in update)) return update.task;
  const { artifact, append } = update.artifactUpdate;
  const known = task.artifacts?.find(({ artifactId }) => artifactId === artifact.artifactId);
  const next: Artifact = append && known ? { ...known, parts: [...known.parts, ...artifact.parts] } : artifact;
  const artifacts = known
    ? (task.artifacts ?? []).map((old) => (old === known ? next : old))
    : [...(task.artifacts ?? []), next];
  return { ...task, artifacts };
}
