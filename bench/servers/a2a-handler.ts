import type { AgentCard } from '@a2a-js/sdk';
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore, type AgentExecutor } from '@a2a-js/sdk/server';

/** The request handler of the official A2A SDK's simplest server: in memory, ungoverned. Text "task" makes a task with three events, else a message. */
const part = (value: string) => ({
  content: { $case: 'text' as const, value },
  metadata: undefined,
  filename: '',
  mediaType: '',
});
const message = (contextId: string, taskId: string, value: string) => ({
  messageId: crypto.randomUUID(),
  contextId,
  taskId,
  role: 2,
  parts: [part(value)],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});

const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const content = userMessage.parts[0]?.content;
    const text = content?.$case === 'text' ? content.value : '';
    if (text !== 'task') {
      bus.publish(AgentEvent.message(message(contextId, '', text)));
      bus.finished();
      return;
    }
    const place = { taskId, contextId, metadata: undefined };
    const status = (state: number) => ({ state, message: undefined, timestamp: new Date().toISOString() });
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
        status: status(2),
      }),
    );
    bus.publish(
      AgentEvent.artifactUpdate({
        ...place,
        append: false,
        lastChunk: true,
        artifact: {
          artifactId: 'result',
          name: 'result',
          description: '',
          parts: [part('done')],
          metadata: undefined,
          extensions: [],
        },
      }),
    );
    bus.publish(AgentEvent.statusUpdate({ ...place, status: status(3) }));
    bus.finished();
  },
  async cancelTask() {},
};

const capabilities = { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false };
const interfaces = [{ url: 'http://localhost', protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' }];
const card = {
  name: 'echo',
  description: '',
  version: '1',
  supportedInterfaces: interfaces,
  capabilities,
  skills: [],
} as unknown as AgentCard;
export const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
