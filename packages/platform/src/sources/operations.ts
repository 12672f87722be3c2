import { z } from 'zod';
import { operation, type Operation } from '../kernel/operation.ts';
import type { Sources } from './index.ts';

const sourceView = z.object({
  name: z.string(),
  kind: z.enum(['openapi', 'files', 'sql', 'http']),
  /** What a source that has failed offered before stays as it was. */
  state: z.enum(['starting', 'active', 'failed']),
  tools: z.number(),
  resources: z.number(),
  error: z.string().optional(),
  /** What had to be left out, and why. */
  problems: z.array(z.string()),
});

export function sourceOperations(sources: () => Sources): Operation[] {
  return [
    operation({
      name: 'sources.list',
      summary:
        'APIs, folders and databases that are offered as tools and resources: what each has, and what is wrong with it.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({ sources: z.array(sourceView) }),
      handler: () => ({
        output: {
          sources: sources()
            .status()
            .map((status) => ({ ...status, problems: [...status.problems] })),
        },
      }),
    }),
  ];
}
