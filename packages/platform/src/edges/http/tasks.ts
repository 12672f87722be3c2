import { AipError } from '@aip/wire';
import type { FastifyInstance } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import { isTerminal } from '../../kernel/task.ts';
import { callerOf } from './caller.ts';
import { taskEvents } from './invoke.ts';
import { resumePoint, type EventStreams } from './sse.ts';

interface TaskPath {
  Params: { id: string };
  Querystring: { after?: string };
}

/** `GET /v1/tasks/:id/events`: a task's numbered events, resumed after `Last-Event-ID`, across restarts too. */
export function taskEventRoute(app: FastifyInstance, exchange: Exchange, streams: EventStreams): void {
  app.get<TaskPath>('/v1/tasks/:id/events', async (request, reply) => {
    const { principal, ...session } = callerOf(exchange, request);
    const { id } = request.params;
    const after = resumePoint(request.headers['last-event-id'], request.query.after) ?? 0;
    // Whoever may read the task may follow it.
    await exchange.operate({ ...session, principal }, 'tasks.get', { task: id, after, limit: 1 });
    const call = exchange.call(principal.tenant, id);
    if (!call) throw new AipError('TASK_NOT_FOUND');
    // Nothing will follow: 204 tells a browser not to connect again (HTML Living Standard §9.2.3).
    if (call.last && isTerminal(call.last.state) && call.last.n <= after) return reply.code(204).send();
    const stream = streams.open(principal);
    return stream.send(reply, taskEvents(call, principal, after, stream.signal));
  });
}
