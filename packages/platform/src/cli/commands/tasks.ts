import type { Operations } from '@aip/sdk';
import { common, type AddCommand } from '../cli.ts';
import { clipped, cut, fields, short, table, type Column } from '../table.ts';

type Followed = Operations['tasks.get']['output'];
type TaskView = Followed['task'];
/** What an event has depends on its type. */
type TaskEvent = Followed['events'][number] & {
  readonly body?: { readonly value?: unknown };
  readonly error?: { readonly code: string; readonly message: string };
};

const BAD = new Set(['failed', 'canceled', 'rejected']);
const look = (state: string) => (BAD.has(state) ? 'red' : state === 'completed' ? 'green' : 'yellow');

const columns: readonly Column<TaskView>[] = [
  { title: 'TASK', of: ({ id }) => id },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => look(state) },
  { title: 'FROM', of: ({ from_name: name }) => cut(short(name), FROM) },
  { title: 'TO', of: ({ to }) => short(to) },
];

/** Characters of a sender that leave room for whom it has called. */
const FROM = 12;

interface ListFlags {
  readonly state?: string;
  readonly agent?: string;
  readonly limit: number;
  readonly operations?: boolean;
}

/** Pages that are looked through for tasks that are no operations. */
const MAX_PAGES = 20;

export const addTasks: AddCommand = (program, bind) => {
  const tasks = program.command('tasks').description('follow and cancel tasks');

  common(
    tasks
      .command('list', { isDefault: true })
      .description('tasks, newest first')
      .option('--state <state>', 'in this state only, such as working or auth_required')
      .option('--agent <did>', 'from or to this agent')
      .option('--limit <count>', 'how many', Number, 50)
      .option('--operations', 'calls of the platform’s own operations as well'),
  ).action(
    bind(async (cli, { state, agent, limit, operations = false }: ListFlags) => {
      const filter = { limit, ...(state === undefined ? {} : { state }), ...(agent === undefined ? {} : { agent }) };
      const client = await cli.client();
      const wanted = ({ to }: TaskView): boolean => operations || !to.startsWith('operation:');
      const answer = await client.operate('tasks.list', filter);
      let found = answer.tasks.filter(wanted);
      let cursor = answer.next;
      for (let pages = 1; pages < MAX_PAGES && found.length < limit && cursor !== undefined; pages++) {
        const page = await client.operate('tasks.list', { ...filter, cursor });
        found = [...found, ...page.tasks.filter(wanted)].slice(0, limit);
        cursor = page.next;
      }
      const { next: _first, ...rest } = answer;
      cli.show({ ...rest, tasks: found, ...(cursor === undefined ? {} : { next: cursor }) }, () =>
        found.length === 0 ? 'No tasks.' : clipped(found, columns, cli.style),
      );
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
              From: head.from,
              To: head.to,
              Over: head.edge,
              Price: head.price,
              Waits: head.ask,
              Created: head.created_at,
            },
            cli.style,
          ),
          '',
          table(
            events,
            [
              { title: '#', of: ({ n }) => n, align: 'right' },
              { title: 'AT', of: ({ at }) => new Date(at).toISOString() },
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
