import { Agent } from '@aip/sdk';
import { generateKeyPair } from '@aip/wire';

/** An agent in a process of its own, on the official SDK of the platform. */
const [, , url, joinToken] = process.argv;
const agent = new Agent({
  name: 'far',
  gateway: `${(url as string).replace('http', 'ws')}/ws`,
  key: generateKeyPair(),
  joinToken: joinToken as string,
  capabilities: { echo: { description: 'Says it again.', effect: 'read', handler: ({ text }) => text ?? 'hello' } },
});
await agent.start();
process.send?.('ready');
process.on('disconnect', () => process.exit(0));
