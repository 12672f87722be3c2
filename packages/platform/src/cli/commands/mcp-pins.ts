import type { Command } from 'commander';
import { common, type Bind, type Cli } from '../cli.ts';
import { clipped, printable, type Column } from '../table.ts';
import { toolNamed } from './mcp-tool.ts';

interface Pin {
  readonly server: string;
  readonly tool: string;
  readonly state: string;
  readonly pinned_by?: string;
  readonly findings: readonly { readonly kind: string; readonly detail: string }[];
  readonly changes?: readonly { readonly path: string; readonly before?: string; readonly after?: string }[];
}

const columns: readonly Column<Pin>[] = [
  { title: 'TOOL', of: ({ server, tool }) => `${server}/${tool}` },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => (state === 'pinned' ? 'green' : 'red') },
  { title: 'PINNED BY', of: ({ pinned_by }) => pinned_by },
  { title: 'FOUND', of: ({ findings }) => findings.map(({ kind, detail }) => `${kind}: ${detail}`).join('; ') },
];

/** `pins`, `pin`, `reject` and `unpin`: whether tools are still what was agreed to. */
export function addMcpPins(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('pins')
      .description('which tools are as they were agreed to, and which have changed, and how')
      .argument('[server]'),
  ).action(
    bind(async (cli, server: string | undefined) => {
      const answer = await (await cli.client()).operate('mcp.pins', server === undefined ? {} : { server });
      cli.show(answer, ({ tools }) => pinTable(tools, cli));
    }),
  );

  common(
    mcp
      .command('pin')
      .description('agree to a tool as it is now, or to all tools of a server; ends their quarantine')
      .argument('<what>', '<server> or <server>/<tool>')
      .option('--digest <digest>', 'only if it is still the one that you have looked at'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip mcp pins files\n  aip mcp pin files/write_file\n  aip mcp pin files\n\nLook at "aip mcp pins <server>" first: a server that was good may have been taken over.',
    )
    .action(
      bind(async (cli, what: string, { digest }: { digest?: string }) => {
        const input = { ...whatOf(what), ...(digest === undefined ? {} : { digest }) };
        const client = await cli.client();
        let answer = await client.operate('mcp.pin', input);
        // A server that goes on changing is not followed for ever.
        for (let left = Infinity; answer.remaining > 0 && answer.remaining < left;) {
          left = answer.remaining;
          const next = await client.operate('mcp.pin', input);
          answer = { ...next, pinned: [...answer.pinned, ...next.pinned] };
        }
        cli.show(answer, ({ server, pinned, remaining }) =>
          pinned.length === 0
            ? `${printable(what)} is pinned as it is already; nothing changed.`
            : `Pinned ${pinned.map(({ tool }) => printable(`${server}/${tool}`)).join(', ')}.${
                remaining === 0 ? '' : ` ${remaining} more have changed meanwhile; look at them again.`
              }`,
        );
      }),
    );

  common(
    mcp
      .command('reject')
      .description('quarantine a tool whatever it becomes, until it is pinned')
      .argument('<tool>', '<server>/<tool>'),
  ).action(
    bind(async (cli, what: string) => {
      const { server, name } = toolNamed(what);
      const answer = await (await cli.client()).operate('mcp.reject', { server, tool: name });
      cli.show(answer, () => `${what} may not be called until it is pinned.`);
    }),
  );

  common(
    mcp
      .command('unpin')
      .description('forget what was agreed to: what is offered next is pinned as if seen first')
      .argument('<what>', '<server> or <server>/<tool>'),
  ).action(
    bind(async (cli, what: string) =>
      cli.show(await (await cli.client()).operate('mcp.unpin', whatOf(what)), () => `Unpinned ${what}.`),
    ),
  );
}

const whatOf = (what: string): { server: string; tool?: string } => {
  if (!what.includes('/')) return { server: what };
  const { server, name } = toolNamed(what);
  return { server, tool: name };
};

function pinTable(tools: readonly Pin[], { style }: Cli): string {
  if (tools.length === 0) return 'No tools. "aip mcp list" shows the servers.';
  const changed = tools.flatMap(({ server, tool, changes = [] }) =>
    changes.flatMap(({ path, before, after }) => [
      printable(`${server}/${tool}: ${path}`),
      ...(before === undefined ? [] : [style('red', printable(`  - ${before}`))]),
      ...(after === undefined ? [] : [style('green', printable(`  + ${after}`))]),
    ]),
  );
  return [clipped(tools, columns, style), changed.join('\n')].filter((part) => part !== '').join('\n\n');
}
