import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, AipError } from '@aip/sdk';
import './leash.ts';

/** Pause between two calls, in milliseconds: slow enough to watch, if somebody does. */
const PACE = Number(process.env['AIP_DEMO_PACE']);

/** The runaway of the demonstration: asks the summariser again and again, until its budget stops it. */
const agent = new Agent({
  name: 'researcher',
  description: 'Researches a topic, without ever being satisfied.',
  keyFile: process.env['AIP_KEY_FILE'] ?? 'researcher.key',
  capabilities: {
    research: {
      description: 'Researches a topic.',
      inputSchema: { type: 'object', properties: { topic: { type: 'string' } }, required: ['topic'] },
      idempotent: true,
      handler: async (args, context) => {
        const topic = typeof args['topic'] === 'string' ? args['topic'] : 'nothing in particular';
        for (let round = 1; ; round++) {
          try {
            await context.call('capability:summarise', { text: `${topic}, round ${round}` }, { key: `round-${round}` });
            await sleep(PACE, undefined, { signal: context.signal });
          } catch (error) {
            if (!(error instanceof AipError) || error.code !== 'BUDGET_EXCEEDED') throw error;
            break;
          }
        }
        await context.call(
          'tool:notes/write_note',
          { title: topic, text: 'What I have found so far.' },
          { key: 'note' },
        );
        // Still not satisfied: reading is free, so it goes on reading until somebody stops it.
        for (let look = 1; ; look++) {
          await context.call('tool:notes/search_notes', { word: topic }, { key: `look-${look}` });
          await sleep(PACE, undefined, { signal: context.signal });
        }
      },
    },
  },
});
await agent.start();
