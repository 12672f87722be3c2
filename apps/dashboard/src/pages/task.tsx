import type { Json } from '@aip/wire';
import { useCallback } from 'react';
import { api, type Task, type TaskEvent } from '../api.ts';
import { count, dateAndTime, exactTime, nameOf, target, units } from '../format.ts';
import { useAction, useLive, useResource } from '../live.tsx';
import { ProtocolBadge, StateBadge } from '../parts/badge.tsx';
import { JsonText } from '../parts/json.tsx';
import { useNotify } from '../parts/notice.tsx';
import { Empty, Loaded, Page, Problem, Section } from '../parts/page.tsx';
import { linkTo } from '../route.ts';

const ENDED = new Set<Task['state']>(['completed', 'failed', 'canceled', 'rejected']);

/** One call from its acceptance to its end. */
export function TaskPage({ item }: { item: string | undefined }) {
  const { log } = useLive();
  const id = item ?? '';
  const revision = log.entries.find(({ task }) => task === id)?.seq ?? -1;
  const task = useResource(
    useCallback(() => api.task(id), [id]),
    revision,
  );
  if (id === '') {
    return (
      <Page name="Task" title="Task">
        <Empty>
          Choose a message on the <a href={linkTo('overview')}>overview</a>.
        </Empty>
      </Page>
    );
  }
  return <Loaded from={task}>{({ task: head, events }) => <TaskView task={head} events={events} />}</Loaded>;
}

function TaskView({ task, events }: { task: Task; events: readonly TaskEvent[] }) {
  const { names, may } = useLive();
  const { owner, what } = target(task.to, names);
  return (
    <Page
      name="Task"
      title={`${task.from_name} → ${owner}${what === '' ? '' : ` ${what}`}`}
      actions={ENDED.has(task.state) || !may('tasks.cancel') ? undefined : <CancelButton task={task} />}
    >
      <dl className="facts">
        <Fact label="State">
          <StateBadge state={task.state} />
        </Fact>
        <Fact label="Came over">
          <ProtocolBadge edge={task.edge} />
        </Fact>
        <Fact label="From">{nameOf(task.from, names)}</Fact>
        <Fact label="Action">{task.action}</Fact>
        <Fact label="Sent">{dateAndTime(task.created_at)}</Fact>
        {task.price > 0 && <Fact label="Price">{units(task.price)}</Fact>}
        {task.parent !== undefined && (
          <Fact label="On behalf of">
            <a href={linkTo('task', task.parent)}>{task.parent.slice(0, 8)}</a>
          </Fact>
        )}
        <Fact label="Task">
          <code>{task.id}</code>
        </Fact>
      </dl>
      <Section title="What happened">
        <ol className="events">
          {events.map((event) => (
            <EventLine key={event.n} event={event} first={events[0]} />
          ))}
        </ol>
      </Section>
    </Page>
  );
}

const Fact = ({ label, children }: { label: string; children: React.ReactNode }) => (
  <div>
    <dt>{label}</dt>
    <dd>{children}</dd>
  </div>
);

function EventLine({ event, first = event }: { event: TaskEvent; first: TaskEvent | undefined }) {
  const { n, at, type, state, ...detail } = event;
  return (
    <li>
      <p className="event-head">
        <span className="number muted">{n}</span>
        <strong>{type}</strong>
        {type !== state && <StateBadge state={state} />}
        <span className="number muted" title={exactTime(at)}>
          + {count(at - first.at)} ms
        </span>
      </p>
      {Object.keys(detail).length > 0 && <JsonText value={contentOf(detail)} label={`Content of event ${n}`} />}
    </li>
  );
}

/** The content itself where an event has nothing else to say. */
function contentOf(detail: Record<string, unknown>): Json {
  const [only, ...others] = Object.keys(detail);
  const body = detail['body'] as { value?: Json } | undefined;
  return only === 'body' && others.length === 0 && body?.value !== undefined ? body.value : (detail as Json);
}

function CancelButton({ task }: { task: Task }) {
  const notify = useNotify();
  const cancel = useAction(
    useCallback(async () => {
      await api.cancelTask(task.id);
      notify('Task canceled.');
    }, [task.id, notify]),
  );
  return (
    <div className="buttons">
      <button type="button" onClick={() => cancel.run()} disabled={cancel.busy}>
        Cancel task
      </button>
      <Problem error={cancel.error} />
    </div>
  );
}
