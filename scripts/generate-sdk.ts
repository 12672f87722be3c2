// Writes the types of the SDK's operations from the OpenAPI document of the platform itself:
// `node scripts/generate-sdk.ts`. A test compares, so that neither changes without the other.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, type FormatConfig } from 'oxfmt';
import { loadConfig } from '../packages/platform/src/main/config.ts';
import { startPlatform } from '../packages/platform/src/main/platform.ts';
import { isJsonObject, type Json, type JsonObject } from '../packages/wire/src/index.ts';

export const GENERATED = fileURLToPath(new URL('../packages/sdk/src/operations.generated.ts', import.meta.url));

/** The OpenAPI document of a platform that runs for this moment only. */
export async function currentDocument(): Promise<JsonObject> {
  const folder = mkdtempSync(path.join(tmpdir(), 'aip-generate-'));
  const config = loadConfig({ env: {}, flags: { port: 0, data_dir: path.join(folder, 'data') }, cwd: folder });
  const platform = await startPlatform({ config, log: () => {} });
  try {
    const response = await fetch(`${platform.url}/openapi.json`);
    return (await response.json()) as JsonObject;
  } finally {
    await platform.stop();
    rmSync(folder, { recursive: true });
  }
}

/** The source of `operations.generated.ts` for a document. */
export async function generate(document: JsonObject): Promise<string> {
  const schemas = object(object(document['components'])['schemas']);
  const operations = Object.values(object(document['paths']))
    .map((methods) => object(object(methods)['post']))
    .filter((operation) => operation['x-aip-effect'] !== undefined)
    .map((operation) => {
      const { operationId, summary, 'x-aip-effect': effect } = operation as Record<string, string>;
      const name = operationId?.replace(/\.post$/, '');
      const type = (side: string): string => typeOf(schemas[`${name}.${side}`]);
      return `  /** ${summary} Effect: ${effect}. */\n  '${name}': { input: ${type('input')}; output: ${type('output')} };`;
    });
  const source = [
    '// Generated from the OpenAPI document by scripts/generate-sdk.ts; a test fails when it is out of date.',
    "import type { Json, JsonObject } from '@aip/wire';",
    '',
    '/** Every operation of the platform: what it takes and what it gives. */',
    'export interface Operations {',
    operations.join('\n'),
    '}',
    '',
  ].join('\n');
  const options = JSON.parse(readFileSync(new URL('../.oxfmtrc.json', import.meta.url), 'utf8')) as FormatConfig;
  const { code } = await format('operations.generated.ts', source, options);
  return code;
}

/** A JSON Schema (2020-12) as a TypeScript type; what has no better one is any JSON. */
function typeOf(schema: Json | undefined): string {
  if (!isJsonObject(schema)) return 'Json';
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value)).join(' | ');
  const branches = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(branches)) return branches.map((branch) => `(${typeOf(branch)})`).join(' | ');
  switch (schema['type']) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema['type'];
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `(${typeOf(schema['items'])})[]`;
    case 'object':
      return objectType(schema);
    default:
      return 'Json';
  }
}

function objectType(schema: JsonObject): string {
  const properties = object(schema['properties']);
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const members = Object.entries(properties).map(([name, property]) => {
    const optional = required.includes(name) ? '' : '?';
    return `${/^[a-z_]\w*$/i.test(name) ? name : JSON.stringify(name)}${optional}: ${typeOf(property)}`;
  });
  if (members.length > 0) return `{ ${members.join('; ')} }`;
  return isJsonObject(schema['additionalProperties'])
    ? `{ [name: string]: ${typeOf(schema['additionalProperties'])} }`
    : 'JsonObject';
}

const object = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(GENERATED, await generate(await currentDocument()));
