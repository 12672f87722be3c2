import type { AipClient, Operations } from '@aip/sdk';
import { AipError } from '@aip/wire';
import { common, type AddCommand } from '../cli.ts';
import { clipped, fields, wrapped, type Column, type Style } from '../table.ts';
import { inspectTool } from './mcp-inspect.ts';
import { toolNamed } from './mcp-tool.ts';
import { describeTool, lookOf, offerTables } from './offers.ts';

type Source = Operations['sources.list']['output']['sources'][number];

const columns: readonly Column<Source>[] = [
  { title: 'SOURCE', of: ({ name }) => name },
  { title: 'KIND', of: ({ kind }) => kind },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => lookOf(state) },
  { title: 'TOOLS', of: ({ tools }) => tools, align: 'right' },
  { title: 'RESOURCES', of: ({ resources }) => resources, align: 'right' },
  { title: 'NOTE', of: noteOf },
];

const NONE =
  'No sources. An OpenAPI document, a folder, a database or an HTTP API under "sources" in aip.yaml\nbecomes tools and resources at the next start.';

/** APIs, folders and databases of `aip.yaml`: how they are, and what they offer. */
export const addSource: AddCommand = (program, bind) => {
  const source = program.command('source').description('look at APIs, folders and databases offered as tools');

  common(source.command('list').description('sources, how they are, and how much they offer')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('sources.list', {});
      cli.show(answer, ({ sources }) => (sources.length === 0 ? NONE : clipped(sources, columns, cli.style)));
    }),
  );

  common(
    source
      .command('inspect')
      .description('a source, or one of its tools: what it offers, what is wrong, and what was left out')
      .argument('<what>', '<source> or <source>/<tool>'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip source inspect pets\n  aip source inspect pets/listPets\n\n"aip mcp call pets/listPets" calls a tool; "aip agent invoke resource:notes/file:///a.md"\nreads a resource.',
    )
    .action(
      bind(async (cli, what: string) => {
        const client = await cli.client();
        if (what.includes('/')) {
          const { server, name } = toolNamed(what);
          await sourceNamed(client, server);
          return cli.show(await inspectTool(client, server, name), (tool) => describeTool(tool, cli.style));
        }
        const found = await sourceNamed(client, what);
        const offers =
          found.tools + found.resources === 0 ? NOTHING : await client.operate('mcp.inspect', { server: what });
        const { tools, resources, prompts } = offers;
        cli.show({ source: found, tools, resources, prompts }, () =>
          [describeSource(found, cli.style), ...offerTables(offers, cli.style)].join('\n\n'),
        );
      }),
    );
};

const NOTHING = { tools: [], resources: [], prompts: [] };

async function sourceNamed(client: AipClient, name: string): Promise<Source> {
  const { sources } = await client.operate('sources.list', {});
  const found = sources.find((source) => source.name === name);
  if (found) return found;
  const known =
    sources.length === 0 ? 'aip.yaml has none' : `there are ${sources.map((source) => source.name).join(', ')}`;
  throw new AipError('NOT_FOUND', `There is no source "${name}" here: ${known}.`);
}

function noteOf({ error, problems }: Source): string {
  return [error, problems.length > 0 ? `${problems.length} left out` : undefined].filter(Boolean).join(', ');
}

function describeSource({ name, kind, state, tools, resources, error, problems }: Source, style: Style): string {
  const head = fields(
    {
      Source: name,
      Settings: `sources.${kind}.${name}`,
      State: state,
      Offers: `${tools} ${tools === 1 ? 'tool' : 'tools'}, ${resources} ${resources === 1 ? 'resource' : 'resources'}`,
    },
    style,
  );
  const said = [
    ...(error === undefined ? [] : [`Error: ${error}`]),
    ...problems.map((problem) => `Left out: ${problem}`),
  ];
  return [head, ...(said.length > 0 ? [said.map((line) => wrapped(line)).join('\n')] : [])].join('\n\n');
}
