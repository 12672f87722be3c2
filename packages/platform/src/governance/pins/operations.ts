import { AipError } from '@aip/wire';
import { z } from 'zod';
import { operation, type Operation } from '../../kernel/operation.ts';
import type { PinBook } from './book.ts';
import { oneGroup, pinEntry } from './entries.ts';

const serverInput = z.string().min(1).max(64);
const toolInput = z.string().min(1).max(400);

const viewOutput = z.object({
  server: z.string(),
  tool: z.string(),
  /** `unpinned`: its first sight is just being recorded. `gone`: pinned, and not offered now. */
  state: z.enum(['pinned', 'quarantined', 'rejected', 'unpinned', 'gone']),
  /** Of what is offered now. */
  digest: z.string().optional(),
  /** Of what was agreed to. */
  pinned: z.string().optional(),
  pinned_at: z.string().optional(),
  /** `first sight`, or who has decided. */
  pinned_by: z.string().optional(),
  quarantined_at: z.string().optional(),
  rejected_by: z.string().optional(),
  findings: z.array(z.object({ kind: z.string(), detail: z.string() })),
});

/**
 * What operators decide about the tools of MCP servers. A tool is pinned as it was first seen; what is not as it was
 * pinned, or tries to deceive, is quarantined until it is pinned anew.
 */
export function pinOperations(pins: PinBook): Operation[] {
  /** Throws NOT_FOUND for a name that no server has: what is wrong then is the name. */
  const checkServer = (server: string | undefined): void => {
    if (server === undefined || pins.knowsServer(server)) return;
    throw new AipError('NOT_FOUND', `There is no MCP server "${server}"; "aip mcp list" shows them.`);
  };

  return [
    operation({
      name: 'mcp.pins',
      summary: 'The pinned tools of MCP servers: which have changed or are suspicious, and how.',
      effect: 'read',
      plane: 'control',
      input: z.object({
        server: serverInput.optional(),
        state: z.enum(['pinned', 'quarantined', 'rejected', 'unpinned', 'gone']).optional(),
        /** With it, `changes` says what has changed in this one. */
        tool: toolInput.optional(),
      }),
      output: z.object({
        tools: z.array(
          viewOutput.extend({
            changes: z
              .array(z.object({ path: z.string(), before: z.string().optional(), after: z.string().optional() }))
              .optional(),
          }),
        ),
      }),
      handler(_call, { server, state, tool }) {
        checkServer(server);
        const tools = pins
          .list(server)
          .filter((view) => (state === undefined || view.state === state) && (tool === undefined || view.tool === tool))
          .map((view) =>
            view.state === 'quarantined' || tool !== undefined
              ? { ...view, changes: pins.changes(view.server, view.tool) }
              : view,
          );
        return { output: { tools } };
      },
    }),
    operation({
      name: 'mcp.pin',
      summary: 'Agrees to a tool as it is offered now, or to all tools of a server; ends its quarantine.',
      effect: 'write',
      plane: 'control',
      input: z.object({
        server: serverInput,
        tool: toolInput.optional(),
        /** The digest that was looked at: refused if the tool has changed again since. */
        digest: z.string().max(64).optional(),
      }),
      output: z.object({
        server: z.string(),
        pinned: z.array(z.object({ tool: z.string(), digest: z.string() })),
        /** Tools of the server that are left: one call is one group in the log, which has its bound. Call again. */
        remaining: z.number().int(),
      }),
      handler({ principal }, { server, tool, digest }) {
        if (digest !== undefined && tool === undefined)
          throw new AipError('INVALID_ARGUMENT', 'digest: names one definition, so name the tool too.');
        checkServer(server);
        const offered = pins.undecided(server, tool);
        const changed = digest === undefined ? undefined : offered.find((known) => known.digest !== digest);
        if (changed)
          throw new AipError(
            'CONFLICT',
            `${server}/${tool} is offered with the digest ${changed.digest} now; look at it again.`,
          );
        const anew = offered.filter((known) => !pins.agreed(known));
        const entries = oneGroup(anew.values().map((known) => pinEntry(known, principal.id)));
        const pinned = anew.slice(0, entries.length).map((known) => ({ tool: known.tool, digest: known.digest }));
        return { output: { server, pinned, remaining: anew.length - pinned.length }, entries };
      },
    }),
    operation({
      name: 'mcp.reject',
      summary: 'Quarantines a tool whatever it becomes, until it is pinned again.',
      effect: 'write',
      plane: 'control',
      input: z.object({ server: serverInput, tool: toolInput }),
      output: z.object({ server: z.string(), tool: z.string() }),
      handler({ principal }, { server, tool }) {
        if (!pins.knows(server, tool))
          throw new AipError('NOT_FOUND', `No tool ${tool.slice(0, 100)} of ${server} is known.`);
        return {
          output: { server, tool },
          entries: [{ kind: 'mcp.reject', head: { server, tool, by: principal.id } }],
        };
      },
    }),
    operation({
      name: 'mcp.unpin',
      summary:
        'Forgets a tool, or all tools of a server: what is offered then is pinned as if seen for the first time.',
      effect: 'write',
      plane: 'control',
      input: z.object({ server: serverInput, tool: toolInput.optional() }),
      output: z.object({ server: z.string(), tools: z.array(z.string()) }),
      handler({ principal }, { server, tool }) {
        const known = pins
          .list(server)
          .filter((view) => view.state !== 'unpinned' && (tool === undefined || view.tool === tool));
        if (known.length === 0) throw new AipError('NOT_FOUND', `No tool of ${server} is pinned under that name.`);
        return {
          output: { server, tools: known.map((view) => view.tool) },
          // Names only, and of no more tools than are kept track of: one group takes them.
          entries: known.map((view) => ({ kind: 'mcp.unpin', head: { server, tool: view.tool, by: principal.id } })),
        };
      },
    }),
  ];
}
