import { z } from 'zod';
import type { Exchange } from '../exchange/index.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import type { Registry } from '../registry/index.ts';
import { VERSION } from './version.ts';

export interface PlatformFacts {
  readonly exchange: () => Exchange;
  readonly registry: Registry;
  readonly gatewayDid: string;
  /** Milliseconds since the Unix epoch. */
  readonly started: number;
}

/** The platform about itself. */
export function platformOperations({ exchange, registry, gatewayDid, started }: PlatformFacts): Operation[] {
  return [
    operation({
      name: 'platform.status',
      summary: 'What runs here: version, identity, agents, live tasks, size of the log.',
      effect: 'read',
      plane: 'data',
      input: z.object({}),
      output: z.object({
        version: z.string(),
        gateway: z.string(),
        started_at: z.string(),
        agents_connected: z.number(),
        agents_known: z.number(),
        tasks_live: z.number(),
        sessions: z.number(),
        log_size: z.number(),
      }),
      handler({ principal }) {
        const agents = registry.views(principal.tenant);
        return {
          output: {
            version: VERSION,
            gateway: gatewayDid,
            started_at: new Date(started).toISOString(),
            agents_connected: agents.filter((agent) => agent.state === 'connected').length,
            agents_known: agents.length,
            tasks_live: exchange().live.size,
            sessions: exchange().sessions.size,
            log_size: exchange().journal.read.size(principal.tenant),
          },
        };
      },
    }),
  ];
}
