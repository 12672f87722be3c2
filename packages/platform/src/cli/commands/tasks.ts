import type { Operations } from '@aip/sdk';
import { Option } from 'commander';
import { TASK_STATES } from '../../kernel/task.ts';
import { common, type AddCommand } from '../cli.ts';
import { clipped, cut, fields, short, table, type Column } from '../table.ts';
import { when, whenAndAgo } from '../times.ts';

type Followed = Operations['tasks.get']['output'];
type TaskView = Followed['task'];
/** What an event has depends on its type. */
type TaskEvent = Followed['events'][number] & {
  readonly seq?: number;
  readonly body?: { readonly value?: unknown };
  readonly error?: { readonly code: string; readonly message: string };
};

const BAD = new Set(['failed', 'canceled', 'rejected']);
const look = (state: string) => (BAD.has(state) ? 'red' : state === 'completed' ? 'green' : 'yellow');

const columns: readonly Column<TaskView>[] = [
  { title: 'TASK', of: ({ id }) => id },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => look(state) },
  { title: 'FROM', of: ({ from_name: name }) => cut(short(name), FROM) },
  { title: 'TO', of: ({ to_name: name }) => short(name) },
];

/** A name, and what it stands for. */
const both = (name: string, id: string): string => (name === id ? id : `${name} (${id})`);

/** Characters of a sender that leave room for whom it has called. */
const FROM = 12;

interface ListFlags {
  readonly state?: string;
  readonly agent?: string;
  readonly limit: number;
  readonly operations?: boolean;
}

export const addTasks: AddCommand = (program, bind) => {
  const tasks = program.command('tasks').description('follow and cancel tasks');

  common(
    tasks
      .command('list', { isDefault: true })
      .description('tasks, newest first')
      .addOption(new Option('--state <state>', 'in this state only').choices(TASK_STATES))
      .option('--agent <agent>', 'from or to this agent, by name or DID')
      .option('--limit <count>', 'how many', Number, 50)
      .option('--operations', 'calls of the platform’s own operations as well'),
  )
    .addHelpText(
      'after',
      '\nStates: input_required waits for its caller, auth_required for an approval or a login;\nrejected was denied.',
    )
    .action(
      bind(async (cli, { state, agent, limit, operations = false }: ListFlags) => {
        const filter = {
          limit,
          ...(operations ? {} : { kind: 'call' as const }),
          ...(state === undefined ? {} : { state }),
          ...(agent === undefined ? {} : { agent }),
        };
        const answer = await (await cli.client()).operate('tasks.list', filter);
        cli.show(answer, ({ tasks: found, total, at_least: more = false }) => {
          if (found.length === 0) return 'No tasks.';
          const rest =
            found.length < total
              ? [`${found.length} of ${total}${more ? ' or more' : ''}; --limit shows more.`.trim()]
              : [];
          return [clipped(found, columns, cli.style), ...rest].join('\n\n');
        });
      }),
    );

  common(tasks.command('get').description('one task with its events').argument('<task>')).action(
    bind(async (cli, task: string) => {
      const answer = await (await cli.client()).operate('tasks.get', { task });
      cli.show(answer, ({ task: head, events }) =>
        [
          fields(
            {
              Task: head.id,
              State: head.state,
              From: both(head.from_name, head.from),
              To: both(head.to_name, head.to),
              Over: head.edge,
              Price: head.price,
              Waits: head.ask,
              Created: whenAndAgo(head.created_at),
            },
            cli.style,
          ),
          '',
          table(
            events,
            [
              { title: '#', of: ({ n }) => n, align: 'right' },
              { title: 'ENTRY', of: ({ seq }: TaskEvent) => seq, align: 'right' },
              { title: 'AT', of: ({ at }) => when(at) },
              { title: 'EVENT', of: ({ type }) => type },
              { title: 'STATE', of: ({ state }) => state, look: ({ state }) => look(state) },
              { title: 'WHAT', of: said },
            ],
            cli.style,
          ),
        ].join('\n'),
      );
    }),
  );

  common(tasks.command('cancel').description('cancel a task that has not ended').argument('<task>')).action(
    bind(async (cli, task: string) => {
      const answer = await (await cli.client()).operate('tasks.cancel', { task });
      cli.show(answer, () => `Task ${task} is ${answer.task.state}.`);
    }),
  );
};

/** Longest excerpt of a body in a table, in characters. */
const EXCERPT = 80;

function said({ body, error }: TaskEvent): string {
  if (error) return `${error.code}: ${error.message}`;
  const value = body?.value;
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  return text.length > EXCERPT ? `${text.slice(0, EXCERPT - 1)}…` : text;
}
