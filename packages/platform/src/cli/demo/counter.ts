import { appendFileSync } from 'node:fs';
import { Agent } from '@aip/sdk';
import './leash.ts';

/** The clerk's colleague: its effects are counted in a file. */
const trace = process.env['AIP_DEMO_TRACE'] as string;

const agent = new Agent({
  name: 'counter',
  description: 'Counts.',
  keyFile: process.env['AIP_KEY_FILE'] ?? 'counter.key',
  backoff: { min: 100, max: 1_000 },
  capabilities: {
    count: {
      description: 'Executes one step and leaves a line.',
      idempotent: true,
      handler: ({ step }) => {
        appendFileSync(trace, `step ${JSON.stringify(step)} executed\n`);
        return { step };
      },
    },
  },
});
await agent.start();
