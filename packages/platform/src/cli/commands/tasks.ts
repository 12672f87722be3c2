import { common, type AddCommand } from '../cli.ts';
import { fields, short, table, type Column } from '../table.ts';

interface TaskView {
  readonly id: string;
  readonly state: string;
  readonly from: string;
  readonly from_name: string;
  readonly to: string;
  readonly action: string;
  readonly edge: string;
  readonly price: number;
  readonly ask?: string;
  readonly created_at: string;
  readonly updated_at: string;
}

interface TaskEvent {
  readonly n: number;
  readonly at: number;
  readonly type: string;
  readonly state: string;
  readonly body?: { readonly value?: unknown };
  readonly error?: { readonly code: string; readonly message: string };
}

const BAD = new Set(['failed', 'canceled', 'rejected']);
const look = (state: string) => (BAD.has(state) ? 'red' : state === 'completed' ? 'green' : 'yellow');

const columns: readonly Column<TaskView>[] = [
  { title: 'TASK', of: ({ id }) => id },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => look(state) },
  { title: 'FROM', of: ({ from_name: name }) => short(name) },
  { title: 'TO', of: ({ to }) => short(to) },
  { title: 'OVER', of: ({ edge }) => edge },
  { title: 'PRICE', of: ({ price }) => price, align: 'right' },
  { title: 'UPDATED', of: ({ updated_at: at }) => at },
];

export const addTasks: AddCommand = (program, bind) => {
  const tasks = program.command('tasks').description('follow and cancel tasks');

  common(
    tasks
      .command('list', { isDefault: true })
      .description('tasks, newest first')
      .option('--state <state>', 'in this state only, such as working or auth_required')
      .option('--agent <did>', 'from or to this agent')
      .option('--limit <count>', 'how many', Number, 50),
  ).action(
    bind(async (cli, { state, agent, limit }: { state?: string; agent?: string; limit: number }) => {
      const filter = { limit, ...(state === undefined ? {} : { state }), ...(agent === undefined ? {} : { agent }) };
      const answer = await (await cli.client()).operate('tasks.list', filter);
      const list = answer.tasks as unknown as TaskView[];
      cli.show(answer, () => (list.length === 0 ? 'No tasks.' : table(list, columns, cli.style)));
    }),
  );

  common(tasks.command('get').description('one task with its events').argument('<task>')).action(
    bind(async (cli, task: string) => {
      const answer = await (await cli.client()).operate('tasks.get', { task });
      const head = answer.task as unknown as TaskView;
      const events = answer.events as unknown as TaskEvent[];
      cli.show(answer, () =>
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
      cli.show(answer, () => `Task ${task} is ${(answer.task as unknown as TaskView).state}.`);
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
