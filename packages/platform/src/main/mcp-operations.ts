import { z } from 'zod';
import type { McpUpstreams } from '../edges/mcp/index.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import { httpServerSchema } from './config.ts';

/**
 * Upstream MCP servers, looked at and added while the platform runs. Commands come from the configuration only:
 * whoever could start one through an interface would own the machine.
 */
export function mcpOperations(upstreams: () => McpUpstreams): Operation[] {
  return [
    operation({
      name: 'mcp.list',
      summary: 'Upstream MCP servers: how they are reached and how they are.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({ servers: z.array(z.any()) }),
      handler: () => ({ output: { servers: upstreams().status() } }),
    }),
    operation({
      name: 'mcp.add',
      summary:
        'Adds an MCP server by its URL until the platform stops; aip.yaml keeps servers, and commands, for good.',
      effect: 'write',
      plane: 'control',
      input: httpServerSchema.extend({ name: z.string().min(1).max(32) }),
      output: z.object({ name: z.string(), url: z.string() }),
      secrets: ['headers'],
      async handler({ principal }, { name, ...config }) {
        upstreams().add(name, config);
        await upstreams().settled(5_000);
        return {
          output: { name, url: config.url },
          // A query or a user name in a URL may be a secret, and heads are never erased.
          entries: [{ kind: 'mcp.add', head: { name, origin: new URL(config.url).origin, by: principal.id } }],
        };
      },
    }),
    operation({
      name: 'mcp.remove',
      summary: 'Takes an MCP server out until the platform starts again.',
      effect: 'write',
      plane: 'control',
      input: z.object({ name: z.string().min(1).max(32) }),
      output: z.object({ name: z.string() }),
      async handler({ principal }, { name }) {
        await upstreams().remove(name);
        return { output: { name }, entries: [{ kind: 'mcp.remove', head: { name, by: principal.id } }] };
      },
    }),
  ];
}
