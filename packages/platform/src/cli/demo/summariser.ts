import { Agent } from '@aip/sdk';
import './leash.ts';

/** The one that is paid: each summary costs its caller five units. */
const agent = new Agent({
  name: 'summariser',
  description: 'Sums a text up.',
  keyFile: process.env['AIP_KEY_FILE'] ?? 'summariser.key',
  capabilities: {
    summarise: {
      description: 'Sums a text up in a few words.',
      inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
      idempotent: true,
      price: 5,
      handler: ({ text }) => ({ summary: (typeof text === 'string' ? text : '').split(' ').slice(0, 5).join(' ') }),
    },
  },
});
await agent.start();
