import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { jsonSchemaOf } from '../../kernel/json-schema.ts';
import { invokeInput } from './invoke.ts';

/** The HTTP interface as an OpenAPI 3.1 document, made from the operations themselves. */
export function openApiDocument(
  operations: readonly CatalogueEntry[],
  version: string,
  publicUrl?: string,
): JsonObject {
  const sorted = operations.toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Agent Infrastructure Platform',
      version,
      description:
        'Every operation of the platform, and calls to every agent and tool behind it, under the same guards.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    ...(publicUrl === undefined ? {} : { servers: [{ url: publicUrl }] }),
    security: [{ token: [] }, { dashboard: [] }],
    tags: [...new Set(sorted.map(({ owner }) => owner))].map((name) => ({ name })),
    paths: { ...Object.fromEntries(sorted.map((entry) => [pathOf(entry), operationPath(entry)])), ...CALL_PATHS },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        dashboard: { type: 'apiKey', in: 'cookie', name: 'aip_session_<port>' },
      },
      schemas: {
        Error: ERROR_SCHEMA,
        Invocation: lifted('Invocation', jsonSchemaOf(invokeInput, 'input')),
        ...Object.assign({}, ...sorted.map(schemas)),
      },
      responses: { Error: { description: 'What went wrong, and what to do about it.', content: json('Error') } },
    },
  };
}

const pathOf = (entry: CatalogueEntry): string => `/v1/${entry.name.replace('.', '/')}`;

function operationPath(entry: CatalogueEntry): JsonObject {
  const common = {
    tags: [entry.owner],
    summary: entry.description,
    'x-aip-effect': entry.effect,
    responses: {
      200: { description: 'The result.', content: json(`${entry.name}.output`) },
      default: { $ref: '#/components/responses/Error' },
    },
  };
  const body = { required: false, content: json(`${entry.name}.input`) };
  if (entry.effect !== 'read') {
    return { post: { operationId: entry.name, ...common, parameters: [IDEMPOTENCY_KEY], requestBody: body } };
  }
  return {
    get: { operationId: entry.name, ...common, parameters: queryParameters(entry) },
    post: { operationId: `${entry.name}.post`, ...common, requestBody: body },
  };
}

function queryParameters({ name, inputSchema }: CatalogueEntry): Json[] {
  const properties = inputSchema?.['properties'];
  const required = Array.isArray(inputSchema?.['required']) ? inputSchema['required'] : [];
  return Object.keys(isJsonObject(properties) ? properties : {}).map((property) => ({
    name: property,
    in: 'query',
    required: required.includes(property),
    schema: { $ref: `#/components/schemas/${name}.input/properties/${property}` },
  }));
}

const schemas = (entry: CatalogueEntry): JsonObject => ({
  [`${entry.name}.input`]: lifted(`${entry.name}.input`, entry.inputSchema ?? { type: 'object' }),
  [`${entry.name}.output`]: lifted(`${entry.name}.output`, entry.outputSchema ?? {}),
});

/** A schema that stood alone, as a component of this document: its references to itself have to say where it is now. */
function lifted(name: string, { $schema: _dialect, ...schema }: JsonObject): JsonObject {
  return relocate(schema, `#/components/schemas/${name}`) as JsonObject;
}

function relocate(value: Json, place: string): Json {
  if (Array.isArray(value)) return value.map((item) => relocate(item, place));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const local = key === '$ref' && typeof member === 'string' && member.startsWith('#');
      return [key, local ? `${place}${member.slice(1)}` : relocate(member, place)];
    }),
  );
}

const json = (schema: string): JsonObject => ({
  'application/json': { schema: { $ref: `#/components/schemas/${schema}` } },
});

const IDEMPOTENCY_KEY: JsonObject = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'The same key with the same request leads to the same task, for 24 hours; with another request it is refused.',
  schema: { type: 'string', maxLength: 255 },
};

const ERROR_SCHEMA: JsonObject = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'retryable'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        retryable: { type: 'boolean' },
        details: { type: 'object' },
      },
    },
  },
};

const events = (description: string): JsonObject => ({
  description,
  content: { 'text/event-stream': { schema: { type: 'string' } } },
});
const failure: JsonObject = { $ref: '#/components/responses/Error' };
const lastEventId: JsonObject = {
  name: 'Last-Event-ID',
  in: 'header',
  schema: { type: 'string' },
  description: 'Number of the last event the client has.',
};
const query = (name: string, description: string): JsonObject => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
});

/** What is not an operation: calls to agents and tools, and streams. */
const CALL_PATHS: JsonObject = {
  '/v1/invoke': {
    post: {
      operationId: 'invoke',
      summary: 'Calls any agent, skill, tool, resource or prompt, over whatever protocol it is connected.',
      parameters: [IDEMPOTENCY_KEY],
      requestBody: { required: true, content: json('Invocation') },
      responses: {
        200: {
          description: 'The result; with "stream", the events of the task, each with its number as id.',
          content: { 'application/json': {}, 'text/event-stream': {} },
        },
        202: {
          description: 'The call waits for somebody; follow /v1/tasks/{id}/events.',
          content: { 'application/json': {} },
        },
        default: failure,
      },
    },
  },
  '/v1/tasks/{id}/events': {
    get: {
      operationId: 'tasks.events',
      summary: 'The numbered events of a task, to its end.',
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
        lastEventId,
        query('after', 'The same, for clients that cannot set headers.'),
      ],
      responses: {
        200: events('Events, each with its number as id.'),
        204: { description: 'The task has ended and there is nothing after that number.' },
        default: failure,
      },
    },
  },
  '/v1/events': {
    get: {
      operationId: 'events',
      summary: 'The log as it grows, without bodies: `entries` and, when the client is too far behind, `snapshot`.',
      parameters: [
        query('kinds', 'Kinds of entries, separated by commas.'),
        query('after', 'Number of the last entry the client has.'),
        lastEventId,
      ],
      responses: { 200: events('Lists of entries, each with the last entry’s number as id.'), default: failure },
    },
  },
  '/v1/login': {
    post: {
      operationId: 'login',
      summary: 'Trades the one-time code of a login URL for a session cookie.',
      security: [],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { type: 'object', required: ['code'], properties: { code: { type: 'string' } } },
          },
        },
      },
      responses: { 204: { description: 'Logged in.' }, default: failure },
    },
  },
};
