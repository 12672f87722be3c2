import { UnreachableError, type AipClient } from '@aip/sdk';
import { aipErrorFromBody, AipError, isJsonObject, parseJson, type Json, type JsonObject } from '@aip/wire';
import type { Command } from 'commander';
import { common, type Bind, type Cli } from '../cli.ts';
import { secondsOf } from '../duration.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { printable } from '../table.ts';
import { inspectTool } from './mcp-inspect.ts';
import { toolNamed } from './mcp-tool.ts';
import { orSourceProblem } from './source-problem.ts';

/** `call`: one tool of a server, of a source, or of a virtual server. */
export function addMcpCall(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('call')
      .description('call a tool, and wait for the result')
      .argument('<tool>', '<server>/<tool>, or v/<virtual server>/<tool>')
      .argument('[arguments...]', 'a JSON object, or <name>=<value> for each argument')
      .option('--key <key>', 'idempotency key: the same key with the same call is done once')
      .option('--timeout <duration>', 'cancel the call after this time, such as 30s or 5m', secondsOf),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  aip mcp call files/read_text_file path=notes.txt\n  aip mcp call everything/get-sum \'{"a":1,"b":2}\'\n  aip mcp call v/desk/read_rules\n\nThe call passes the same rules as any other. A tool that asks its caller questions cannot be\nanswered here; use an MCP client. Exit code 1 when the tool says that it failed.\nThis is how operators try the tools of a virtual server; its clients have /mcp/v/<name>.',
    )
    .action(bind(call));
}

interface CallFlags {
  readonly key?: string;
  readonly timeout?: number;
}

async function call(cli: Cli, tool: string, given: readonly string[], flags: CallFlags): Promise<ExitCode | void> {
  const { server, name } = toolNamed(tool);
  const client = await cli.client();
  return callTool(cli, client, { server, name }, given, flags).catch((error: unknown) =>
    orSourceProblem(client, server, error),
  );
}

async function callTool(
  cli: Cli,
  client: AipClient,
  { server, name }: ReturnType<typeof toolNamed>,
  given: readonly string[],
  { key, timeout }: CallFlags,
): Promise<ExitCode | void> {
  const tool = await toolMeant(client, server, name);
  const args = withFixed(tool, await argumentsOf(tool, given));
  const options = {
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
  };
  for await (const update of client.stream(tool.address, args, options)) {
    const { type, task, ask, error } = update;
    const result = resultIn(update);
    if (type === 'asked' && ask)
      cli.world.err(`Waiting for a person. In another terminal: aip approve ${ask.id}   (or: aip deny ${ask.id})`);
    else if (type === 'progress' && !cli.json) cli.world.err(cli.style('dim', progressOf(update)));
    else if (type === 'done') return cli.show({ task, result: result ?? null }, () => shown(result ?? null));
    else if (type === 'failed' && result !== undefined) {
      cli.show({ task, error: error ?? null, result }, () => shown(result));
      const why = (await asks(client, tool)) ? ASKS : `${printable(tool.name)} says that it failed.`;
      cli.world.err(`aip: ${why}`);
      return EXIT.failed;
    } else if (type === 'failed' || type === 'canceled') {
      const failure = aipErrorFromBody(error);
      throw (await asks(client, tool)) ? new AipError('UNSUPPORTED_OPERATION', ASKS, { cause: failure }) : failure;
    }
  }
  throw new UnreachableError(client.url);
}

const ASKS = 'This tool asks its caller questions, which the command line cannot answer; an MCP client can.';

/** Whether its server has this tool only for callers that can be asked, which the command line cannot: why it has failed. */
async function asks(client: AipClient, { address }: ToolMeant): Promise<boolean> {
  const owner = /^tool:([^/]+)\//.exec(address)?.[1];
  const { entries } = await client.operate('catalogue.list', {
    kind: 'tool',
    ...(owner === undefined ? {} : { owner }),
  });
  return (entries as readonly { address: string; asks?: true }[]).some(
    (one) => one.address === address && one.asks === true,
  );
}

/** What a call of a tool means: where it goes, and what goes along beside the caller's arguments. */
interface ToolMeant {
  readonly name: string;
  readonly address: string;
  readonly fixed: JsonObject;
  schema(): Promise<Json | undefined>;
}

/** A virtual server's tool stands for one elsewhere: rules, prices and the log go by that one, here as over MCP. */
async function toolMeant(client: AipClient, server: string, name: string): Promise<ToolMeant> {
  if (server.startsWith('v/')) {
    const { address, fixed = {}, input_schema: schema } = await inspectTool(client, server, name);
    return { name, address, fixed, schema: async () => schema };
  }
  return {
    name,
    address: `tool:${server}/${name}`,
    fixed: {},
    async schema() {
      const { entries } = await client.operate('catalogue.list', { kind: 'tool', owner: server });
      return entries.find((entry) => entry.name === name)?.inputSchema;
    },
  };
}

function withFixed({ name, fixed }: ToolMeant, args: JsonObject): JsonObject {
  const clash = Object.keys(fixed).find((key) => Object.hasOwn(args, key));
  if (clash === undefined) return { ...args, ...fixed };
  throw new AipError(
    'INVALID_ARGUMENT',
    `"${clash}" is not an argument of ${name}: it has the same value in every call.`,
  );
}

/** The arguments as the tool's schema has them: text stays text where it wants text. */
async function argumentsOf(tool: ToolMeant, given: readonly string[]): Promise<JsonObject> {
  const [first] = given;
  if (first === undefined) return {};
  if (given.length === 1 && first.trimStart().startsWith('{')) return parseJson(first) as JsonObject;
  const schema = await tool.schema();
  const properties = isJsonObject(schema) && isJsonObject(schema['properties']) ? schema['properties'] : {};
  return Object.fromEntries(
    given.map((text) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (key === undefined || value === undefined)
        throw new AipError('CONFIG_INVALID', `"${text}": give arguments as <name>=<value>, or all as one JSON object.`);
      const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
      return [key, isJsonObject(property) && property['type'] === 'string' ? value : jsonOrText(value)];
    }),
  );
}

function jsonOrText(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** The tool's own result, whole; a tool that failed may have one too. */
function resultIn({ body, value }: JsonObject): Json | undefined {
  return isJsonObject(body) && body['type'] === 'mcp' ? body['value'] : value;
}

function progressOf(update: JsonObject): string {
  const { progress, total, message } = update;
  const count = JSON.stringify(progress) + (total === undefined ? '' : `/${JSON.stringify(total)}`);
  return typeof message === 'string' ? `${count}  ${printable(message)}` : count;
}

/** A tool's result for people: its texts, and what else it holds by kind and size. */
function shown(value: Json): string {
  const content = isJsonObject(value) && Array.isArray(value['content']) ? value['content'] : undefined;
  if (!content) return lines(typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  const blocks = content.filter(isJsonObject).map(block);
  const structured = isJsonObject(value) ? value['structuredContent'] : undefined;
  if (blocks.length === 0 && structured !== undefined) return lines(JSON.stringify(structured, null, 2));
  return blocks.length === 0 ? 'Done; the tool returned nothing.' : blocks.join('\n');
}

function block(content: JsonObject): string {
  const { type, text, data, mimeType, uri, resource } = content;
  if (typeof text === 'string') return lines(text);
  if (typeof data === 'string')
    return printable(`[${kindOf(mimeType ?? type)}, ${Math.ceil((data.length * 3) / 4)} bytes; -o json has it]`);
  if (isJsonObject(resource)) {
    if (typeof resource['text'] === 'string') return lines(resource['text']);
    return printable(`[${kindOf(resource['uri'])}; -o json has it]`);
  }
  return printable(typeof uri === 'string' ? `[${uri}]` : JSON.stringify(content));
}

const kindOf = (value: Json | undefined): string => (typeof value === 'string' ? value : 'unknown');

/** Texts of others cannot move the cursor or change the terminal. */
const lines = (text: string): string => text.split('\n').map(printable).join('\n');
