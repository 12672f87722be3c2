import { appendFileSync } from 'node:fs';
import { Agent } from '@aip/sdk';
import './leash.ts';

/** Does the three steps of the crash demonstration; each step leaves a line, so that a repetition would show. */
const trace = process.env['AIP_DEMO_TRACE'] as string;

const agent = new Agent({
  name: 'clerk',
  description: 'Collects, writes and files a report.',
  keyFile: process.env['AIP_KEY_FILE'] ?? 'clerk.key',
  backoff: { min: 100, max: 1_000 },
  capabilities: {
    report: {
      description: 'Three steps: count, note, file. The last one needs an approval.',
      idempotent: true,
      handler: async (_args, context) => {
        const found = await context.call('capability:count', { step: 1 }, { key: 'count' });
        appendFileSync(trace, 'clerk has step 1\n');
        const noted = await context.call('capability:count', { step: 2 }, { key: 'note' });
        appendFileSync(trace, 'clerk has step 2\n');
        const filed = await context.call('tool:notes/write_note', { title: 'report', text: 'done' }, { key: 'file' });
        return { found, noted, filed };
      },
    },
  },
});
await agent.start();
