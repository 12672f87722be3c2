import { AipError, parseJson } from '@aip/wire';
import { z } from 'zod';

/**
 * `server.json` of the MCP Registry, schema 2025-12-11: how a server is obtained and reached. Fields that are not
 * needed for either are let through unread.
 */
export const SCHEMA_URL = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

const MAX_BYTES = 256 * 1024;

const plainInput = z.object({
  description: z.string().optional(),
  isRequired: z.boolean().default(false),
  isSecret: z.boolean().default(false),
  value: z.string().optional(),
  default: z.string().optional(),
  placeholder: z.string().optional(),
  choices: z.array(z.string()).optional(),
});
const input = plainInput.extend({ variables: z.record(z.string(), plainInput).default({}) });

const argument = z.discriminatedUnion('type', [
  input
    .extend({ type: z.literal('positional'), valueHint: z.string().optional() })
    .refine(({ value, valueHint }) => value !== undefined || valueHint !== undefined, 'needs a value or a valueHint'),
  input.extend({ type: z.literal('named'), name: z.string().min(1) }),
]);
const keyValue = input.extend({ name: z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'not a name') });

const remote = z.object({
  type: z.enum(['streamable-http', 'sse']),
  url: z.string().regex(/^https?:\/\/\S+$/, 'not an http or https URL'),
  headers: z.array(keyValue).default([]),
  variables: z.record(z.string(), plainInput).default({}),
});

const packaged = z.object({
  registryType: z.string(),
  registryBaseUrl: z.url().optional(),
  identifier: z.string().min(1),
  version: z.string().min(1).optional(),
  fileSha256: z.string().optional(),
  runtimeHint: z.string().optional(),
  transport: z.object({ type: z.enum(['stdio', 'streamable-http', 'sse']) }),
  runtimeArguments: z.array(argument).default([]),
  packageArguments: z.array(argument).default([]),
  environmentVariables: z.array(keyValue).default([]),
});

const document = z.object({
  $schema: z.string().optional(),
  name: z
    .string()
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/, 'not a name such as io.github.user/weather'),
  description: z.string().min(1).max(100),
  version: z.string().min(1).max(255),
  title: z.string().optional(),
  packages: z.array(packaged).max(50).default([]),
  remotes: z.array(remote).max(50).default([]),
});

export type ServerDocument = z.infer<typeof document>;
export type RegistryInput = z.infer<typeof plainInput>;
export type RegistryTemplate = z.infer<typeof input>;
export type RegistryArgument = z.infer<typeof argument>;
export type RegistryPackage = z.infer<typeof packaged>;
export type RegistryRemote = z.infer<typeof remote>;

/** Throws CONFIG_INVALID that says what in the document is not as the schema wants it. */
export function parseServerJson(text: string): ServerDocument {
  const parsed = document.safeParse(unwrapped(parseJson(text, { maxBytes: MAX_BYTES })));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'document'}: ${message}`,
  );
  throw new AipError('CONFIG_INVALID', `This is no server.json of the MCP Registry:\n  ${faults.join('\n  ')}`, {
    details: { errors: faults },
  });
}

/** Registries answer with the document in `server`, beside what they know about it. */
const unwrapped = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'server' in value && !('name' in value) ? value.server : value;
