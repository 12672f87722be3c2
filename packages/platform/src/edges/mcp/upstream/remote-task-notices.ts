import { isJsonObject } from '@aip/wire';
import { isJSONRPCNotification, type JSONRPCMessage } from '@modelcontextprotocol/client';
import type { RouteEvent } from '../../../kernel/task.ts';
import type { EventChannel } from './event-channel.ts';

/**
 * What a server of 2025-11-25 tells of its tasks by itself (basic/utilities/tasks): that they stand otherwise, and how
 * far they have come. The SDK forgets a call when it is answered, though as a task it goes on.
 */
export interface TaskNotices {
  /** @returns stops listening */
  onStatus(taskId: string, changed: () => void): () => void;
  /** @returns stops listening */
  onProgress(token: string, channel: EventChannel): () => void;
  /** Whether somebody has been told of the message; nobody else needs to see it then. */
  take(message: JSONRPCMessage): boolean;
}

type Listener = (params: Progress) => void;

interface Progress {
  readonly progress?: unknown;
  readonly total?: unknown;
  readonly message?: unknown;
}

/** By what each notification names whom it is for. */
const NAMED_BY: Readonly<Record<string, string>> = {
  'notifications/tasks/status': 'taskId',
  'notifications/progress': 'progressToken',
};

export function createTaskNotices(): TaskNotices {
  const listeners = new Map<string, Listener>();

  function on(method: string, name: string, listener: Listener): () => void {
    const key = `${method} ${name}`;
    listeners.set(key, listener);
    return () => void (listeners.get(key) === listener && listeners.delete(key));
  }

  return {
    onStatus: (taskId, changed) => on('notifications/tasks/status', taskId, () => changed()),
    onProgress: (token, channel) =>
      on('notifications/progress', token, (params) => {
        if (typeof params.progress === 'number') channel.push(progressEvent({ ...params, progress: params.progress }));
      }),
    take(message) {
      if (!isJSONRPCNotification(message) || !isJsonObject(message.params)) return false;
      const name = message.params[NAMED_BY[message.method] ?? ''];
      const listener = typeof name === 'string' ? listeners.get(`${message.method} ${name}`) : undefined;
      listener?.(message.params);
      return listener !== undefined;
    },
  };
}

export const progressEvent = ({ progress, total, message }: Progress & { readonly progress: number }): RouteEvent => ({
  type: 'progress',
  progress,
  ...(typeof total === 'number' ? { total } : {}),
  ...(typeof message === 'string' ? { message } : {}),
});
