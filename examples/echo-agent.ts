import { Agent } from '@aip/sdk';

const agent = new Agent({
  name: 'echo',
  capabilities: {
    echo: {
      description: 'Says it again.',
      inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
      idempotent: true,
      handler: ({ text }) => text,
    },
  },
});
await agent.start();
