import type { Operations } from '@aip/sdk';
import { isJsonObject, type Json } from '@aip/wire';
import { clipped, fields, wrapped, type Column, type Style } from '../table.ts';

/** What servers and sources offer, for people to read. */

type Inspection = Operations['mcp.inspect']['output'];
export type Tool = Inspection['tools'][number];
type Listed = Inspection['resources'][number];

export const lookOf = (state: string): 'green' | 'yellow' | 'red' =>
  state === 'active' ? 'green' : state === 'starting' ? 'yellow' : 'red';

const toolColumns: readonly Column<Tool>[] = [
  { title: 'TOOL', of: ({ name }) => name },
  { title: 'EFFECT', of: ({ effect }) => effect },
  { title: 'PRICE', of: ({ price }) => price || undefined, align: 'right' },
  { title: 'STATE', of: ({ state }) => state, look: ({ state }) => lookOf(state) },
  { title: 'DESCRIPTION', of: ({ description }) => description },
];

/** Tools, resources and prompts, each in a table; what there is none of is left out. */
export const offerTables = (
  { tools, resources, prompts }: Omit<Inspection, 'server' | 'missing'>,
  style: Style,
): string[] =>
  [
    tools.length > 0 ? clipped(tools, toolColumns, style) : '',
    listedTable('RESOURCE', resources, style),
    listedTable('PROMPT', prompts, style),
  ].filter((part) => part !== '');

const listedTable = (title: string, listed: readonly Listed[], style: Style): string =>
  listed.length === 0
    ? ''
    : clipped(
        listed,
        [
          { title, of: ({ address }) => address.slice(address.indexOf(':') + 1) },
          { title: 'DESCRIPTION', of: ({ description }) => description },
        ],
        style,
      );

/** One tool, with its arguments. */
export function describeTool(tool: Tool, style: Style): string {
  const head = fields(
    {
      Tool: tool.name,
      Address: tool.address,
      Title: tool.title,
      State: tool.state,
      Effect: tool.effect,
      Price: tool.price,
      Digest: tool.digest,
      Fixed: Object.keys(tool.fixed ?? {}).length === 0 ? undefined : JSON.stringify(tool.fixed),
    },
    style,
  );
  return [head, wrapped(tool.description), parameters(tool.input_schema, style)]
    .filter((part) => part !== '')
    .join('\n\n');
}

const typeIn = (property: Json): string => {
  const type = isJsonObject(property) ? property['type'] : undefined;
  return typeof type === 'string' ? type : 'any';
};

function parameters(schema: Json | undefined, style: Style): string {
  const { properties: named, required: needed } = isJsonObject(schema) ? schema : {};
  const properties = isJsonObject(named) ? named : {};
  const required = Array.isArray(needed) ? needed : [];
  const rows = Object.entries(properties).map(([name, property]) => ({
    name: required.includes(name) ? name : `[${name}]`,
    type: typeIn(property),
    description: isJsonObject(property) && typeof property['description'] === 'string' ? property['description'] : '',
  }));
  if (rows.length === 0) return 'It takes no arguments.';
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { title: 'ARGUMENT', of: ({ name }) => name },
    { title: 'TYPE', of: ({ type }) => type },
    { title: 'DESCRIPTION', of: ({ description }) => description },
  ];
  return clipped(rows, columns, style);
}
