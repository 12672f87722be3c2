import { AipError } from '@aip/wire';
import { z } from 'zod';
import type { McpUpstreams } from '../edges/mcp/index.ts';
import { operation, type Operation } from '../kernel/operation.ts';

const serverInput = z.object({ server: z.string().min(1).max(32) });

/** Whoever calls an upstream server that wants OAuth logs in there for itself. */
export function mcpLoginOperations(upstreams: () => McpUpstreams): Operation[] {
  return [
    operation({
      name: 'mcp.login',
      summary: 'Begins a login at an MCP server that wants one; the URL is opened in a browser, once, within minutes.',
      effect: 'write',
      plane: 'data',
      input: serverInput,
      output: z.object({ server: z.string(), url: z.string(), expires_at: z.string() }),
      async handler({ principal }, { server }) {
        if (principal.kind === 'anonymous') throw new AipError('UNAUTHENTICATED');
        const { url, expires } = await upstreams().login(server, principal);
        // Whoever has the URL can lend the caller an account of theirs.
        return { output: { server, url, expires_at: new Date(expires).toISOString() }, secret: true };
      },
    }),
    operation({
      name: 'mcp.logout',
      summary: 'Forgets the tokens that the caller has at an MCP server.',
      effect: 'write',
      plane: 'data',
      input: serverInput,
      output: z.object({ server: z.string() }),
      async handler({ principal }, { server }) {
        if (await upstreams().logout(server, principal)) return { output: { server } };
        throw new AipError('NOT_FOUND', `You are not logged in at "${server.slice(0, 32)}".`);
      },
    }),
  ];
}
