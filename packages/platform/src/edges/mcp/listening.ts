import type { JsonObject } from '@aip/wire';
import { ProtocolError, SERVER_INFO_META_KEY, SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Call } from '../../exchange/index.ts';
import { createShares } from '../../kernel/shares.ts';
import { isTerminal } from '../../kernel/task.ts';
import type { ListKind } from './directory.ts';
import type { Client, Edge } from './edge.ts';
import type { Sink } from './message-stream.ts';
import { plainRequestOf } from './plain-request.ts';
import { SERVER_INFO } from './server.ts';
import { createSubscriptions } from './subscriptions.ts';
import { tellOn, type TaskStory } from './task-status.ts';
import { detailedTask, missingExtension, ownTask, takesTasks } from './tasks.ts';

export const LISTEN = 'subscriptions/listen';

/** Streams that are open at once. */
const LISTENERS = { of: 'subscriptions/listen streams are open', total: 4_096, each: 512 };
/** Tasks that one stream may follow. */
const MAX_TASKS = 256;

const FilterSchema = z.looseObject({
  toolsListChanged: z.boolean().optional(),
  promptsListChanged: z.boolean().optional(),
  resourcesListChanged: z.boolean().optional(),
  resourceSubscriptions: z.array(z.string()).optional(),
  /** Of the tasks extension. */
  taskIds: z.array(z.string().min(1).max(128)).max(MAX_TASKS).optional(),
});

export interface ListenRequest {
  readonly id: string | number;
  readonly filter: z.infer<typeof FilterSchema>;
  readonly capabilities: JsonObject;
}

/** The request, if it is a sound one; undefined leaves it to the SDK to refuse. */
export function listenRequestOf(body: unknown): ListenRequest | undefined {
  const request = plainRequestOf(body, LISTEN);
  const filter = FilterSchema.safeParse(request?.params['notifications']);
  if (!request || !filter.success) return undefined;
  return { id: request.id, filter: filter.data, capabilities: request.capabilities };
}

/**
 * Those who listen (2026-07-28, basic/patterns/subscriptions), on a stream of HTTP or on a connection of their own. Not
 * the SDK's, which cannot tell of tasks, nor over stdio of resources that somebody else watches.
 */
export interface Listeners {
  /**
   * Acknowledges and goes on to tell, by `sink`. Throws for a resource that cannot be watched, and -32021 where tasks are
   * to be followed by who takes none. undefined: there is nothing to tell, and that has been said.
   */
  open(client: Client, request: ListenRequest, sink: Sink): Promise<Listener | undefined>;
  announce(owner: string, lists: ReadonlySet<ListKind>): void;
  /** Says to all that nothing will follow. */
  close(): void;
}

export interface Listener {
  /** Nothing is sent after it; `politely`, the client is told so. */
  end(politely: boolean): void;
}

export function createListeners(edge: Edge): Listeners {
  const shares = createShares(LISTENERS);
  const open = new Set<Listener & { changed(owner: string, lists: ReadonlySet<ListKind>): void }>();

  /** `leave` is called when the listener ends. */
  async function listen(
    client: Client,
    { id, filter, capabilities }: ListenRequest,
    sink: Sink,
    leave: () => void,
  ): Promise<Listener | undefined> {
    const tell = (method: string, params: JsonObject = {}): void =>
      sink.send({ jsonrpc: '2.0', method, params: { ...params, _meta: { [SUBSCRIPTION_ID_META_KEY]: id } } });
    const finish = (): void => {
      const _meta = { [SUBSCRIPTION_ID_META_KEY]: id, [SERVER_INFO_META_KEY]: SERVER_INFO as unknown as JsonObject };
      sink.send({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta } });
      sink.end();
    };
    // The acknowledgement is the first that is sent.
    const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
    const subscriptions = createSubscriptions(edge, client, (uri) => {
      void acknowledged.then(() => tell('notifications/resources/updated', { uri }));
    });
    const ended = new AbortController();
    const tasks = await tasksIn(client, filter.taskIds, capabilities);
    try {
      for (const uri of filter.resourceSubscriptions ?? []) await subscriptions.add(uri);
    } catch (error) {
      subscriptions.end();
      throw error;
    }
    const lists = listsIn(client, filter);
    const honoured = {
      ...Object.fromEntries([...lists].map((list) => [`${list}ListChanged`, true])),
      ...(filter.resourceSubscriptions?.length ? { resourceSubscriptions: filter.resourceSubscriptions } : {}),
      ...(tasks.length > 0 ? { taskIds: tasks.map(({ taskId }) => taskId) } : {}),
    };
    tell('notifications/subscriptions/acknowledged', { notifications: honoured });
    acknowledge();
    if (Object.keys(honoured).length === 0) {
      finish();
      return undefined;
    }

    const listener = {
      changed(owner: string, changed: ReadonlySet<ListKind>): void {
        if (!edge.directory.concerns(client.scope, owner)) return;
        for (const list of lists) if (changed.has(list)) tell(`notifications/${list}/list_changed`);
      },
      end(politely: boolean): void {
        if (!open.delete(listener)) return;
        leave();
        ended.abort();
        subscriptions.end();
        if (politely) finish();
      },
    };
    open.add(listener);
    for (const task of tasks)
      void follow(task, client, capabilities, ended.signal, (params) => tell('notifications/tasks', params)).catch(
        () => {},
      );
    return listener;
  }

  return {
    async open(client, request, sink) {
      const leave = shares.take(client.session.principal);
      try {
        const listener = await listen(client, request, sink, leave);
        if (!listener) leave();
        return listener;
      } catch (error) {
        leave();
        throw error;
      }
    },
    announce(owner, lists) {
      for (const listener of open) listener.changed(owner, lists);
    },
    close() {
      for (const listener of open) listener.end(true);
    },
  };

  /** The client's own among them; of others nothing is told. */
  async function tasksIn(client: Client, ids: readonly string[] = [], capabilities: JsonObject): Promise<Call[]> {
    if (ids.length > 0 && !takesTasks(capabilities)) throw missingExtension();
    const found = [];
    for (const id of new Set(ids)) {
      try {
        found.push(await ownTask(edge, client, id));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
    return found;
  }
}

/** The lists that the endpoint has and the client wants to hear of. */
function listsIn({ scope }: Client, filter: ListenRequest['filter']): Set<ListKind> {
  const lists = new Set<ListKind>();
  if (filter.toolsListChanged) lists.add('tools');
  if (scope.kind === 'agent') return lists;
  if (filter.promptsListChanged) lists.add('prompts');
  if (filter.resourcesListChanged) lists.add('resources');
  return lists;
}

/** Tells how the task stands: at once, whenever that has changed, and to its end. */
async function follow(
  call: Call,
  client: Client,
  capabilities: JsonObject,
  signal: AbortSignal,
  tell: (task: JsonObject) => void,
): Promise<void> {
  const { n: now = 0 } = call.last ?? {};
  let story: TaskStory | undefined;
  let told = '';
  for await (const event of call.events(0, signal)) {
    story = tellOn(story, event);
    if (event.n < now || signal.aborted) continue;
    const task = detailedTask(story, call, client, capabilities);
    const { lastUpdatedAt: _, ...standing } = task;
    const text = JSON.stringify(standing);
    if (text !== told) tell(task);
    told = text;
    if (isTerminal(event.state)) call.delivered(client.session.principal);
  }
}
