import { format } from 'oxfmt';
import { configSchema } from '../../packages/platform/src/main/config.ts';
import { isJsonObject, type Json, type JsonObject } from '../../packages/wire/src/index.ts';
import { programForDocs } from './command-line.ts';
import { cell, GENERATED_NOTE, tableOf } from './markdown.ts';
import { SETTING_MEANINGS } from './setting-meanings.ts';

/** The JSON Schema of `aip.yaml`, for editors. */
export async function configurationSchema(): Promise<string> {
  const document = { title: 'Settings of the Agent Infrastructure Platform (aip.yaml)', ...describedSchema() };
  const { code } = await format('aip.schema.json', JSON.stringify(document), { printWidth: 120 });
  return code;
}

/** docs/configuration.md */
export function configurationPage(): string {
  const flags = new Set(programForDocs(['up']).options.map(({ long }) => long));
  const rows = settings(describedSchema())
    .filter(({ node }) => !isJsonObject(node['properties']))
    .map(({ path, node, required }) => {
      const flag = `--${path.replaceAll('_', '-')}`;
      const variable = `AIP_${path.toUpperCase().replaceAll('.', '__')}`;
      const { default: preset } = node;
      return [
        `\`${path}\``,
        path.includes('<name>') ? '' : `\`${variable}\``,
        flags.has(flag) ? `\`${flag}\`` : '',
        typeOf(node),
        required ? 'required' : preset === undefined ? '' : `\`${JSON.stringify(preset)}\``,
        cell(meaningOf(path)),
      ];
    });
  return `# Configuration

${GENERATED_NOTE}

Nothing has to be set. What is set is taken from four places; the first one that has it counts:

1. flags of \`aip up\`, \`aip dev\` and \`aip serve\`,
2. \`AIP_*\` environment variables,
3. \`aip.yaml\` in the current folder, or the file that \`AIP_CONFIG\` names,
4. the defaults below.

A setting that does not exist, or has a wrong value, stops the start with a message that names it; unknown \`AIP_*\`
variables are left alone. Objects are merged by name. In a variable, a double underscore leads into an object
(\`AIP_RATE__BURST=100\`), and lists and objects are written as in YAML (\`AIP_ALLOWED_HOSTS='[agents.example.com]'\`).

\`\`\`yaml
# yaml-language-server: $schema=./docs/aip.schema.json
allowed_hosts: [agents.example.com]
mcp:
  servers:
    files:
      command: npx
      args: [-y, '@modelcontextprotocol/server-filesystem', ./notes]
      effects: { read_text_file: read, list_directory: read }
      default_effect: write
    search:
      url: https://mcp.example.com/mcp
      headers: { Authorization: Bearer … }
      default_price: 1
\`\`\`

The first line is for editors with a YAML language server: it points to [aip.schema.json](aip.schema.json), the JSON
Schema of this file, by its path or URL. \`aip.yaml\` is read at the start; \`aip dev\` starts anew when it changes.

${tableOf(['Setting', 'Variable', 'Flag', 'Type', 'Default', 'Meaning'], rows)}

## Variables that are not settings

${tableOf(
  ['Variable', 'Read by', 'Meaning'],
  [
    ['`AIP_CONFIG`', 'the platform, the `aip` command', 'Path of the file to read instead of `aip.yaml`.'],
    ['`AIP_URL`', 'the `aip` command, `AipClient`', 'Where the platform is.'],
    ['`AIP_TOKEN`', 'the `aip` command, `AipClient`', 'The token to send.'],
    ['`AIP_GATEWAY_URL`', 'agents (`Agent`)', 'WebSocket address of the platform.'],
    ['`AIP_JOIN_TOKEN`', 'agents (`Agent`)', 'Admits the agent on its first contact.'],
  ],
)}
`;
}

/** The schema of the settings as they may be written, every one of them with its meaning. */
function describedSchema(): JsonObject {
  const schema = configSchema.toJSONSchema({
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      // JSON Schema's patterns know no flags.
      const patterns = (zodSchema._zod.bag['patterns'] ?? new Set()) as ReadonlySet<RegExp>;
      const { pattern } = jsonSchema;
      const ignoresCase = [...patterns].some(({ source, flags }) => source === pattern && flags.includes('i'));
      if (pattern !== undefined && ignoresCase) jsonSchema.pattern = pattern.replaceAll('a-z', 'a-zA-Z');
      if (jsonSchema.format === 'starts_with') delete jsonSchema.format;
    },
  }) as unknown as JsonObject;
  const found = settings(schema);
  for (const { path, node } of found) node['description'] = meaningOf(path);
  const stale = Object.keys(SETTING_MEANINGS).filter((path) => found.every((setting) => setting.path !== path));
  if (stale.length > 0) throw new Error(`${stale.join(', ')}: in setting-meanings.ts, and no setting.`);
  return schema;
}

function meaningOf(path: string): string {
  const meaning = SETTING_MEANINGS[path];
  if (meaning === undefined) throw new Error(`The setting ${path} has no meaning yet: add it to setting-meanings.ts.`);
  return meaning;
}

interface Setting {
  readonly path: string;
  readonly node: JsonObject;
  readonly required: boolean;
}

/** Every setting, objects before what is in them. Of a setting with several forms, whatever any of them has. */
function settings(node: JsonObject, above = ''): Setting[] {
  const forms = Array.isArray(node['anyOf']) ? node['anyOf'].filter(isJsonObject) : [node];
  const found = forms.flatMap((form) => {
    const required = forms.length === 1 && Array.isArray(form['required']) ? form['required'] : [];
    const fixed = Object.entries(object(form['properties'])).flatMap(([name, value]) => {
      const path = above === '' ? name : `${above}.${name}`;
      return [{ path, node: object(value), required: required.includes(name) }, ...settings(object(value), path)];
    });
    const named = object(form['additionalProperties']);
    return [...fixed, ...(isComposite(named) ? settings(named, `${above}.<name>`) : [])];
  });
  return [...new Map(found.map((setting) => [setting.path, setting])).values()];
}

function typeOf(node: JsonObject): string {
  const { type, enum: choices } = node as JsonObject & { type?: string; enum?: readonly string[] };
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ');
  if (type === 'array') return `list of ${typeOf(object(node['items']))}s`;
  if (Array.isArray(node['anyOf'])) return 'one of several forms';
  if (type === undefined) return 'any value';
  if (type !== 'object') return type;
  const values = object(node['additionalProperties']);
  return isComposite(values) ? 'objects by name' : `by name: ${typeOf(values)}`;
}

const isComposite = (schema: JsonObject): boolean => schema['type'] === 'object' || schema['anyOf'] !== undefined;

const object = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
