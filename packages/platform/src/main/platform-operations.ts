import { z } from 'zod';
import type { Exchange } from '../exchange/index.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import type { Principal } from '../kernel/principal.ts';
import { VERSION } from '../kernel/version.ts';
import type { Registry } from '../registry/index.ts';

export interface PlatformFacts {
  readonly exchange: () => Exchange;
  readonly registry: Registry;
  readonly gatewayDid: string;
  /** Whether the policies permit a principal an operation, as far as that can be said without its arguments. */
  readonly permits: (principal: Principal, operation: CatalogueEntry) => boolean;
  /** Milliseconds since the Unix epoch. */
  readonly started: number;
}

/** The platform about itself. */
export function platformOperations({ exchange, registry, gatewayDid, permits, started }: PlatformFacts): Operation[] {
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
    operation({
      name: 'platform.whoami',
      summary: 'Who you are here, and which operations the policies permit you.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({
        id: z.string(),
        name: z.string(),
        roles: z.array(z.string()),
        operations: z.array(z.string()),
      }),
      handler({ principal }) {
        const operations = exchange()
          .catalogue.list({ kind: 'operation', tenant: principal.tenant })
          .filter((entry) => permits(principal, entry))
          .map(({ name }) => name);
        return { output: { id: principal.id, name: principal.name, roles: [...principal.roles], operations } };
      },
    }),
  ];
}
