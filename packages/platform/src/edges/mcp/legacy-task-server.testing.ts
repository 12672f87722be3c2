import {
  InMemoryTaskMessageQueue,
  InMemoryTaskStore,
  type TaskStore,
  type ToolTaskHandler,
} from '@modelcontextprotocol/sdk/experimental/tasks';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitResultSchema, type CallToolResult, type Task } from '@modelcontextprotocol/sdk/types.js';
import { startSdkServer, type SdkServer } from './sdk-server.testing.ts';

/**
 * A server of 2025-11-25 with the tasks of the official v1 SDK: `job` only runs as a task and ends when a test says so,
 * `ask` asks in the middle of one, `quick` may be a task and is done at once, `plain` is none, `wonder` asks
 * as none, and `stray` asks as none in the name of a task that is not its own.
 */
export interface LegacyTaskServer extends Omit<SdkServer, 'notify'> {
  /** Tasks that were made, oldest first. */
  tasks(): Task[];
  /** Methods that came in, with their parameters. */
  readonly seen: { method: string; params: Record<string, unknown> }[];
  /** Says how a task stands. */
  say(taskId: string, status: 'working' | 'failed' | 'cancelled', message: string): Promise<void>;
  finish(taskId: string, result?: CallToolResult): Promise<void>;
  /** Tells of a task by itself: a notification to all sessions. */
  notify(method: string, params: Record<string, unknown>): Promise<void>;
  /** Cuts the connection of whatever is sent to it, without an answer, until it does not any more; how often it has. */
  hangUp(does: boolean): number;
  /** Forgets its tasks. */
  forget(): void;
}

export interface LegacyTaskServerOptions {
  /** Milliseconds that it says; far apart, nothing is found out by asking. */
  readonly pollInterval?: number;
  /** Whether it declares that tools/call can be a task. */
  readonly declares?: boolean;
  /** Whether its tasks belong to the session that they were made in, as they do in memory with the official SDK. */
  readonly bound?: boolean;
  /** Whether it forgets a task as soon as somebody has its result. */
  readonly letsGo?: boolean;
  /** Resolves when tasks may be made. */
  readonly mayMake?: Promise<void>;
}

const FORM = { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: {} } } as const;
const related = (taskId: string) => ({ 'io.modelcontextprotocol/related-task': { taskId } });
const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] });

export async function startLegacyTaskServer({
  pollInterval = 100,
  declares = true,
  bound = false,
  letsGo = false,
  mayMake = Promise.resolve(),
}: LegacyTaskServerOptions = {}): Promise<LegacyTaskServer> {
  const store = new InMemoryTaskStore();
  const taskMessageQueue = new InMemoryTaskMessageQueue();
  const taskStore = bound ? store : withoutSessions(store, letsGo);
  let hungUp = 0;
  let hangsUp = false;
  const seen: LegacyTaskServer['seen'] = [];

  function make(): McpServer {
    const tasks = { cancel: {}, requests: { tools: { call: {} } } };
    const server = new McpServer(
      { name: 'jobs', version: '1.0.0' },
      { capabilities: { tools: {}, logging: {}, ...(declares ? { tasks } : {}) }, taskStore, taskMessageQueue },
    );
    const tool = (
      name: string,
      taskSupport: 'required' | 'optional',
      work: (
        taskId: string,
        extra: Parameters<ToolTaskHandler['createTask']>[0],
      ) => Promise<CallToolResult | undefined>,
    ): void => {
      const handler: ToolTaskHandler = {
        async createTask(extra) {
          await mayMake;
          const task = await extra.taskStore.createTask({ ttl: extra.taskRequestedTtl ?? null, pollInterval });
          void work(task.taskId, extra)
            .then((result) => result && store.storeTaskResult(task.taskId, 'completed', result))
            .catch(() => {});
          return { task };
        },
        getTask: ({ taskId, taskStore: own }) => own.getTask(taskId),
        getTaskResult: ({ taskId, taskStore: own }) => own.getTaskResult(taskId) as Promise<CallToolResult>,
      };
      server.experimental.tasks.registerToolTask(name, { execution: { taskSupport } }, handler);
    };
    tool('job', 'required', () => Promise.resolve(undefined));
    tool('quick', 'optional', () => Promise.resolve(text('at once')));
    tool('ask', 'required', async (taskId, extra) => {
      const asked = { method: 'elicitation/create', params: FORM } as const;
      const options: RequestOptions = { relatedTask: { taskId } };
      const logged = { level: 'info', data: 'about to ask' } as const;
      await server.server.notification({ method: 'notifications/message', params: logged }, options);
      const answer = await extra.sendRequest(asked, ElicitResultSchema, options);
      return text(JSON.stringify(answer));
    });
    server.registerTool('plain', {}, () => text('no task'));
    for (const [name, _meta] of Object.entries({ wonder: {}, stray: related('somebody else’s') }))
      server.registerTool(name, {}, async (extra) => {
        const asked = { method: 'elicitation/create', params: { ...FORM, _meta } } as const;
        return text(JSON.stringify(await extra.sendRequest(asked, ElicitResultSchema)));
      });
    return server;
  }

  const sdk = await startSdkServer('v1', make, {
    admits({ method }) {
      const cut = hangsUp && method === 'POST';
      if (cut) hungUp++;
      return !cut;
    },
    onSession(transport) {
      const receive = transport.onmessage?.bind(transport);
      const onmessage: NonNullable<Transport['onmessage']> = (message, extra) => {
        if ('method' in message) seen.push({ method: message.method, params: message.params ?? {} });
        receive?.(message, extra);
      };
      Object.assign(transport, { onmessage });
    },
  });
  return {
    ...sdk,
    seen,
    tasks: () => store.getAllTasks(),
    say: (taskId, status, message) => store.updateTaskStatus(taskId, status, message),
    finish: (taskId, result = text('built')) =>
      store.storeTaskResult(taskId, result.isError ? 'failed' : 'completed', result),
    async notify(method, params) {
      const heard = [...sdk.live].filter((server) => server.isConnected());
      for (const { server } of heard) await server.notification({ method, params });
    },
    hangUp(does) {
      hangsUp = does;
      return hungUp;
    },
    forget: () => store.cleanup(),
    async [Symbol.asyncDispose]() {
      store.cleanup();
      await sdk[Symbol.asyncDispose]();
    },
  };
}

/** A store whose tasks can be found from any session, as one that outlives sessions has them. */
function withoutSessions(store: InMemoryTaskStore, letsGo: boolean): TaskStore {
  const gone = new Set<string>();
  return {
    createTask: (params, id, request) => store.createTask(params, id, request),
    getTask: async (taskId) => (gone.has(taskId) ? null : store.getTask(taskId)),
    storeTaskResult: (taskId, status, result) => store.storeTaskResult(taskId, status, result),
    getTaskResult(taskId) {
      if (letsGo) gone.add(taskId);
      return store.getTaskResult(taskId);
    },
    updateTaskStatus: (taskId, status, message) => store.updateTaskStatus(taskId, status, message),
    listTasks: (cursor) => store.listTasks(cursor),
  };
}
