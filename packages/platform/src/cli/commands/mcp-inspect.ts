import type { AipClient, Operations } from '@aip/sdk';
import { AipError } from '@aip/wire';
import type { Command } from 'commander';
import { common, type Bind } from '../cli.ts';
import { clipped, fields, printable, type Style } from '../table.ts';
import { whenAndAgo } from '../times.ts';
import { toolNamed } from './mcp-tool.ts';
import { describeTool, offerTables, type Tool } from './offers.ts';
import { orSourceProblem } from './source-problem.ts';

type Inspection = Operations['mcp.inspect']['output'];

/** `inspect`: a server, a virtual server, or one tool of either. */
export function addMcpInspect(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('inspect')
      .description('a server, a virtual server, or one tool: what it offers, and what is wrong')
      .argument('<what>', '<server>, v/<virtual server>, or one of them with /<tool>'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip mcp inspect files\n  aip mcp inspect v/desk\n  aip mcp inspect files/write_file',
    )
    .action(
      bind(async (cli, what: string) => {
        const client = await cli.client();
        if (isServer(what)) return cli.show(await inspectServer(client, what), (found) => describe(found, cli.style));
        const { server, name } = toolNamed(what);
        cli.show(await inspectTool(client, server, name), (tool) => describeTool(tool, cli.style));
      }),
    );
}

const isServer = (what: string): boolean => /^(?:v\/)?[^/]+$/.test(what);

const inspectServer = (client: AipClient, server: string): Promise<Inspection> =>
  client.operate('mcp.inspect', { server }).catch((error: unknown) => orSourceProblem(client, server, error));

/** A tool as it is there, under the name it has there. Throws NOT_FOUND with the reason why it is missing. */
export async function inspectTool(client: AipClient, server: string, name: string): Promise<Tool> {
  const { tools, missing } = await inspectServer(client, server);
  const tool = tools.find((known) => known.name === name);
  if (tool) return tool;
  const gone = missing.find((known) => known.name === name);
  throw new AipError(
    'NOT_FOUND',
    gone
      ? `${server}/${name} is missing: ${gone.reason}`
      : `${server} has no tool "${name}"; "aip mcp inspect ${server}" shows those it has.`,
  );
}

/** Of a process that was lost: what it has said last. */
function lastWords({ stderr = [] }: NonNullable<Inspection['server']>): string {
  if (stderr.length === 0) return '';
  return ['It said last, on standard error:', ...stderr.map((line) => `  ${printable(line)}`)].join('\n');
}

function describe({ server, tools, resources, prompts, missing }: Inspection, style: Style): string {
  const parts = [
    server
      ? fields(
          {
            Server: server.name,
            State: `${server.state.replace('_', ' ')} since ${whenAndAgo(server.since)}`,
            Reached: server.reached,
            Via: [server.transport, server.era, server.pid && `process ${server.pid}`].filter(Boolean).join(', '),
            Lost: server.failures > 0 ? `${server.failures} times` : undefined,
            Latency: server.latency_ms === undefined ? undefined : `${server.latency_ms} ms`,
            Error: server.error,
          },
          style,
        )
      : '',
    server ? lastWords(server) : '',
    tools.length === 0 ? 'No tools.' : '',
    ...offerTables({ tools, resources, prompts }, style),
    missing.length > 0
      ? clipped(
          missing,
          [
            { title: 'MISSING', of: ({ name }) => name, look: () => 'red' },
            { title: 'TOOL', of: ({ target }) => target },
            { title: 'WHY', of: ({ reason }) => reason },
          ],
          style,
        )
      : '',
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}
