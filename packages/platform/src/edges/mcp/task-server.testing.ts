import type { JsonObject } from '@aip/wire';
import { ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { startSdkServer, type SdkServer } from './sdk-server.testing.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const TaskId = z.looseObject({ taskId: z.string() });
const Answers = z.looseObject({ taskId: z.string() });

/** A server of 2026-07-28 that makes a task of every call, as its own tool `job`; a test decides what becomes of them. */
export interface TaskServer extends SdkServer {
  /** Calls of its tool; polls; cancellations; answers that came. */
  readonly seen: { calls: number; polls: number; cancelled: string[]; answers: unknown[] };
  /** How its tasks stand from now on: what tasks/get says beside the id and the times. */
  stand(standing: JsonObject): void;
  /** Forgets its tasks. */
  forget(): void;
  /** Makes tasks of calls from now on, and says nothing of them. */
  fallSilent(): void;
}

export async function startTaskServer(): Promise<TaskServer> {
  const seen: TaskServer['seen'] = { calls: 0, polls: 0, cancelled: [], answers: [] };
  let standing: JsonObject = { status: 'working' };
  const known = new Set<string>();
  let silent = false;
  const task = (taskId: string): JsonObject => ({
    taskId,
    createdAt: new Date(0).toISOString(),
    lastUpdatedAt: new Date(0).toISOString(),
    ttlMs: null,
    pollIntervalMs: 100,
  });
  const mustKnow = (taskId: string): void => {
    if (!known.has(taskId)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Task not found');
  };
  function make(): Server {
    const server = new Server(
      { name: 'jobs', version: '1.0.0' },
      { capabilities: { tools: {}, extensions: { [TASKS]: {} } } },
    );
    server.setRequestHandler('tools/list', () => ({ tools: [{ name: 'job', inputSchema: { type: 'object' } }] }));
    server.setRequestHandler('tools/call', async (_request, ctx) => {
      const envelope = ctx.mcpReq.envelope as Record<string, { extensions?: JsonObject }> | undefined;
      const declared = envelope?.['io.modelcontextprotocol/clientCapabilities']?.extensions ?? {};
      if (!(TASKS in declared)) throw new ProtocolError(-32021, 'It takes tasks.');
      const taskId = `job-${++seen.calls}`;
      known.add(taskId);
      if (silent) await new Promise(() => {});
      return { resultType: 'task', ...task(taskId), status: 'working' } as never;
    });
    server.setRequestHandler('tasks/get', { params: TaskId }, ({ taskId }) => {
      seen.polls++;
      mustKnow(taskId);
      return { ...task(taskId), ...standing };
    });
    server.setRequestHandler('tasks/update', { params: Answers }, ({ taskId }, ctx) => {
      mustKnow(taskId);
      seen.answers.push(ctx.mcpReq.inputResponses);
      standing = { status: 'completed', result: { content: [{ type: 'text', text: 'answered' }] } };
      return {};
    });
    server.setRequestHandler('tasks/cancel', { params: TaskId }, ({ taskId }) => {
      mustKnow(taskId);
      seen.cancelled.push(taskId);
      standing = { status: 'cancelled' };
      return {};
    });
    return server;
  }
  const server = await startSdkServer('modern', make);
  return {
    ...server,
    seen,
    stand: (next) => (standing = next),
    forget: () => known.clear(),
    fallSilent: () => void (silent = true),
  };
}
