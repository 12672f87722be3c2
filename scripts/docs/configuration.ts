import { format } from 'oxfmt';
import { jsonSchemaOf } from '../../packages/platform/src/kernel/json-schema.ts';
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
      headers: { Authorization: "Bearer {vault:search-token}" }
      default_price: 1
\`\`\`

The first line is for editors with a YAML language server: it points to [aip.schema.json](aip.schema.json), the JSON
Schema of this file, by its path or URL. \`aip.yaml\` is read at the start; \`aip dev\` starts anew when it changes.

**Secrets** do not have to stand in that file. Wherever the type below says *secret*, \`{ vault: <name> }\` cites one that
\`aip secret set <name>\` keeps encrypted in the data folder, and \`{ env: <VARIABLE> }\` a variable of the platform's
environment. In the middle of a header or a variable of a server the same is written \`{vault:<name>}\` and
\`{env:<VARIABLE>}\`, as in \`"Bearer {vault:search-token}"\`. They are read when they are needed: while one is missing, the server or source that wants it is offline and says
which one it is, and once it is set the next attempt succeeds. Where a secret comes back, in a result, an error or a log line
of whoever was told it, it is replaced by \`[secret]\`; one shorter than six characters is not recognised.

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
  const schema = jsonSchemaOf(configSchema, 'input');
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
  const forms = formsOf(node).filter((form) => !isSecret(form));
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

/** The forms that a setting may have, those of forms too. */
const formsOf = (node: JsonObject): JsonObject[] =>
  Array.isArray(node['anyOf']) ? node['anyOf'].filter(isJsonObject).flatMap(formsOf) : [node];

/** A cited secret has the same two forms in every setting, which are described once. */
const isSecret = (node: JsonObject): boolean => /^(?:vault|env)$/.test(Object.keys(object(node['properties'])).join());

function typeOf(node: JsonObject): string {
  const { type, enum: choices } = node as JsonObject & { type?: string; enum?: readonly string[] };
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ');
  if (type === 'array') return `list of ${typeOf(object(node['items']))}s`;
  const forms = formsOf(node);
  const others = forms.filter((form) => !isSecret(form));
  if (others.length < forms.length && !others.some(isComposite)) return [...others.map(typeOf), 'secret'].join(' or ');
  if (forms.length > 1) return 'one of several forms';
  if (type === undefined) return 'any value';
  if (type !== 'object') return type;
  const values = object(node['additionalProperties']);
  return isComposite(values) ? 'objects by name' : `by name: ${typeOf(values)}`;
}

const isComposite = (schema: JsonObject): boolean =>
  formsOf(schema).some((form) => form['type'] === 'object' && !isSecret(form));

const object = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
