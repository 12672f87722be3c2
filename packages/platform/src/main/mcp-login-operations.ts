import { AipError } from '@aip/wire';
import { z } from 'zod';
import type { McpUpstreams } from '../edges/mcp/index.ts';
import { operation, type Operation } from '../kernel/operation.ts';

/** How long one call waits for the end of a login, in milliseconds. */
const AWAITED = 20_000;

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
      output: z.object({ server: z.string(), login: z.string(), url: z.string(), expires_at: z.string() }),
      async handler({ principal }, { server }) {
        if (principal.kind === 'anonymous') throw new AipError('UNAUTHENTICATED');
        const { id, url, expires } = await upstreams().login(server, principal);
        // Whoever has the URL can lend the caller an account of theirs.
        return { output: { server, login: id, url, expires_at: new Date(expires).toISOString() }, secret: true };
      },
    }),
    operation({
      name: 'mcp.await_login',
      summary: 'Waits for the end of a login that the caller has begun, at most 20 seconds; says how it stands.',
      effect: 'read',
      plane: 'data',
      input: z.object({ login: z.string().min(1).max(64) }),
      output: z.object({
        server: z.string(),
        state: z.enum(['open', 'done', 'failed']),
        /** Why it failed. */
        error: z.object({ code: z.string(), message: z.string() }).optional(),
      }),
      async handler({ principal, signal }, { login }) {
        const patience = AbortSignal.any([signal, AbortSignal.timeout(AWAITED)]);
        const { error, ...stands } = await upstreams().loginEnded(login, principal, patience);
        return { output: { ...stands, ...(error ? { error: { code: error.code, message: error.message } } : {}) } };
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
