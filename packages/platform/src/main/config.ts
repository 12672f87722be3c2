import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AipError } from '@aip/wire';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Address } from '../kernel/address.ts';
import { secretOrText, secretReference, type SecretOrText } from '../kernel/secret.ts';
import { SERVER_NAME, SERVER_NAME_RULE } from '../kernel/server-name.ts';
import { sourcesSchema } from '../sources/index.ts';

const stdioServer = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), secretOrText).default({}),
  cwd: z.string().optional(),
});
/** How the platform logs in to a server. */
const oauthSchema = <Secret extends z.ZodType>(secret: Secret) =>
  z
    .strictObject({
      grant: z.enum(['authorization_code', 'client_credentials']).default('authorization_code'),
      issuer: z.url().optional(),
      scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope, without spaces')).default([]),
      client_id: z.string().min(1).optional(),
      client_secret: secret.optional(),
      private_key: secret.optional(),
      key_algorithm: z.enum(['ES256', 'ES384', 'RS256', 'PS256']).default('ES256'),
    })
    .refine((oauth) => oauth.client_id !== undefined || oauth.grant !== 'client_credentials', {
      path: ['client_id'],
      error: 'has to be set for client_credentials',
    })
    .refine((oauth) => oauth.issuer !== undefined || (oauth.client_secret ?? oauth.private_key) === undefined, {
      path: ['issuer'],
      error: 'has to say which authorization server the client’s secret is for; else the MCP server would',
    });

const httpServer = <Header extends z.ZodType<SecretOrText>, Secret extends z.ZodType<SecretOrText>>(
  header: Header,
  secret: Secret,
) =>
  z.strictObject({
    url: z.url(),
    headers: z.record(z.string(), header).default({}),
    oauth: oauthSchema(secret).optional(),
  });
const effect = z.enum(['read', 'write', 'external']);
const governed = {
  /** What each tool changes; an upstream's own hints are not trusted. */
  effects: z.record(z.string(), effect).default({}),
  default_effect: effect.default('external'),
  /** Integer units for one call, by tool. */
  prices: z.record(z.string(), z.number().int().min(0)).default({}),
  default_price: z.number().int().min(0).default(0),
  /** Tools whose calls may, or can only, be answered with a task. */
  tasks: z.record(z.string(), z.enum(['optional', 'required'])).default({}),
  /** What happens to a tool that is not as it was first seen, or tries to deceive. */
  pin: z.enum(['off', 'warn', 'enforce']).default('enforce'),
};

/**
 * One that is added while the platform runs, kept encrypted as a whole. It cites nothing: whoever could name a secret
 * through an interface could have it sent to a server of their own.
 */
export const addedServerSchema = httpServer(z.string(), z.string().min(1)).extend(governed);
export type AddedServer = z.infer<typeof addedServerSchema>;
const mcpServerSchema = z.union([
  stdioServer.extend(governed),
  httpServer(secretOrText, secretReference).extend(governed),
]);

const callable = z
  .string()
  .regex(
    /^(?:(?:tool|skill):[^/]+\/.+|operation:[a-z0-9]+\.[a-z0-9_]+)$/i,
    'tool:<server>/<tool>, skill:<agent>/<skill> or operation:<domain>.<verb>',
  )
  .max(512);
const passed = (kind: 'resource' | 'prompt') =>
  z
    .array(
      z.string().regex(new RegExp(`^${kind}:[^/*]+/.+$`), `${kind}:<server>/<name>; one that ends in * is a beginning`),
    )
    .default([]);

/** Chosen tools under names and in words of the operator's choice. */
const virtualServerSchema = z.strictObject({
  description: z.string().min(1).max(100).optional(),
  instructions: z.string().optional(),
  tools: z
    .record(
      z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'letters, digits, dash and underscore, at most 64'),
      z.union([
        callable.transform((target) => ({ target: target as Address })),
        z.strictObject({
          target: callable.transform((target) => target as Address),
          title: z.string().optional(),
          description: z.string().optional(),
          arguments: z.record(z.string(), z.json()).optional(),
        }),
      ]),
    )
    .default({}),
  resources: passed('resource'),
  prompts: passed('prompt'),
  search_above: z.number().int().min(0).optional(),
});

/** An A2A agent elsewhere; `did` is whose signature its card has to carry. */
const remoteAgentSchema = z.strictObject({
  url: z.url(),
  did: z.string().startsWith('did:').optional(),
  headers: z.record(z.string(), secretOrText).default({}),
});

const role = z.enum(['caller', 'operator', 'viewer', 'admin']);
const scopes = (scope: string) =>
  z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'an OAuth scope has no spaces or quotes')).default([scope]);

/** An OAuth authorization server whose access tokens are accepted. */
const issuerSchema = z.strictObject({
  issuer: z.url().refine((text) => isIssuer(text), 'an https URL without query or fragment; http on this machine only'),
  audience: z.string().min(1).optional(),
  jwks_uri: z.url({ protocol: /^https?$/ }).optional(),
  /** Asymmetric ones only: whoever may verify by a shared secret may also sign. */
  algorithms: z
    .array(
      z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']),
    )
    .min(1)
    .default(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']),
  token_type: z.enum(['at+jwt', 'jwt']).default('at+jwt'),
  tenant: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i)
    .optional(),
  tenant_claim: z.string().min(1).optional(),
  roles_claim: z.string().min(1).default('roles'),
  roles: z.record(z.string(), z.array(role)).default({}),
  default_roles: z.array(role.exclude(['admin'])).default(['caller']),
});

const identitySchema = z.strictObject({
  issuers: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/i, 'letters, digits, dash and underscore, at most 32'),
      issuerSchema,
    )
    .default({})
    .refine(
      (issuers) => new Set(Object.values(issuers).map(({ issuer }) => issuer)).size === Object.keys(issuers).length,
      'an issuer is named twice',
    ),
  scopes: z
    .strictObject({ tools: scopes('mcp:tools'), resources: scopes('mcp:resources'), prompts: scopes('mcp:prompts') })
    .prefault({}),
});

const rateSchema = z.strictObject({
  per_second: z.number().positive().default(2_000),
  burst: z.number().int().positive().default(4_000),
});

/** Everything that can be set. The same names in `aip.yaml`, as `AIP_*` variables (nesting: `__`) and as flags. */
export const configSchema = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535).default(8000),
    /** Where others reach the platform when a proxy stands before it: an origin, without a path. */
    public_url: z
      .string()
      .refine((text) => isOrigin(text), 'an origin such as https://aip.example.org, without user, path or query')
      .optional(),
    data_dir: z.string().default('./.aip'),
    /** Made on the first start and kept in the data folder unless set. */
    admin_token: z.string().min(16, 'at least 16 characters').optional(),
    /** Names under which the platform may be addressed, beyond loopback. */
    allowed_hosts: z.array(z.string()).default([]),
    /** Web origins that may call it from a browser, beyond its own. */
    allowed_origins: z.array(z.string()).default([]),
    log_level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    rate: rateSchema.prefault({}),
    ioap: z
      .strictObject({
        idle_seconds: z.number().positive().default(300),
        max_connections: z.number().int().positive().default(10_000),
      })
      .prefault({}),
    identity: identitySchema.prefault({}),
    mcp: z
      .strictObject({
        servers: z.record(z.string().regex(SERVER_NAME, SERVER_NAME_RULE), mcpServerSchema).default({}),
        virtual: z
          .record(
            z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/i, 'letters, digits, dash and underscore, at most 32'),
            virtualServerSchema,
          )
          .default({}),
        search_above: z.number().int().min(0).optional(),
        idle_seconds: z.number().positive().default(1_800),
        max_sessions: z.number().int().positive().default(5_000),
      })
      .prefault({}),
    a2a: z
      .strictObject({
        agents: z
          .record(
            z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i, 'letters, digits, dash and underscore, at most 63'),
            remoteAgentSchema,
          )
          .default({}),
      })
      .prefault({}),
    sources: sourcesSchema.prefault({}),
  })
  .superRefine(({ mcp, sources }, context) => {
    // They are owners in one catalogue, and endpoints side by side.
    const taken = new Map(Object.keys(mcp.servers).map((name) => [name, 'mcp.servers']));
    for (const [kind, named] of Object.entries(sources)) {
      for (const name of Object.keys(named)) {
        const other = taken.get(name);
        if (other !== undefined)
          context.addIssue({
            code: 'custom',
            path: ['sources', kind, name],
            message: `${other} has one of that name already`,
          });
        taken.set(name, `sources.${kind}`);
      }
    }
  });

/** RFC 8414 section 2. */
function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.search !== '' || url.hash !== '' || url.username !== '') return false;
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
  );
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}

export type Config = z.infer<typeof configSchema>;

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags that were given, by setting name. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly cwd: string;
}

/** Flags over variables over `aip.yaml` over defaults. Throws CONFIG_INVALID that names every wrong setting. */
export function loadConfig({ env, flags = {}, cwd }: ConfigSources): Config {
  const file = env['AIP_CONFIG'] ?? join(cwd, 'aip.yaml');
  const merged = merge(merge(readFile(file, env['AIP_CONFIG'] !== undefined), fromEnvironment(env)), flags);
  const parsed = configSchema.safeParse(merged);
  if (!parsed.success) {
    const issues = parsed.error.issues.flatMap((issue) => faultsOf(issue));
    throw new AipError('CONFIG_INVALID', `The configuration has errors:\n  ${issues.join('\n  ')}`, {
      details: { errors: issues },
    });
  }
  return { ...parsed.data, data_dir: resolve(cwd, parsed.data.data_dir) };
}

/** What zod says of a setting that has none of its forms, unless the schema says it better. */
const UNEXPLAINED = 'Invalid input';

/** What is wrong, by the name of the setting; of several forms that a setting may have, the one that is nearest. */
function faultsOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): string[] {
  const path = [...above, ...issue.path];
  const nearest = issue.code === 'invalid_union' ? issue.errors.toSorted((a, b) => a.length - b.length)[0] : undefined;
  const isWithin = nearest?.some((inner) => inner.path.length > 0) === true;
  const isExplained = issue.message !== UNEXPLAINED && !isWithin;
  if (nearest && nearest.length > 0 && !isExplained) return nearest.flatMap((inner) => faultsOf(inner, path));
  return [`${path.map(String).join('.') || 'settings'}: ${issue.message}`];
}

type Tree = { [key: string]: unknown };

function readFile(file: string, wanted: boolean): Tree {
  if (!existsSync(file)) {
    if (wanted) throw new AipError('CONFIG_INVALID', `AIP_CONFIG names ${file}, which does not exist.`);
    return {};
  }
  try {
    const content: unknown = parse(readFileSync(file, 'utf8')) ?? {};
    if (isTree(content)) return content;
  } catch (error) {
    throw new AipError('CONFIG_INVALID', `${file}: ${(error as Error).message}`);
  }
  throw new AipError('CONFIG_INVALID', `${file} has to hold settings, one "name: value" a line.`);
}

/** Variables that steer the start itself instead of being settings. */
const NOT_SETTINGS = new Set(['AIP_CONFIG', 'AIP_URL', 'AIP_TOKEN', 'AIP_JOIN_TOKEN']);

function fromEnvironment(env: ConfigSources['env']): Tree {
  const known = new Set(Object.keys(configSchema.shape));
  const tree: Tree = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('AIP_') || NOT_SETTINGS.has(name) || value === undefined || value === '') continue;
    const path = name.slice(4).toLowerCase().split('__');
    // Other AIP_* variables (of tests, of agents) are not the platform's to judge.
    if (!known.has(path[0] as string)) continue;
    place(tree, path, isText(path) ? value : scalar(name, value));
  }
  return tree;
}

function place(tree: Tree, [head, ...rest]: string[], value: unknown): void {
  if (head === undefined) return;
  if (rest.length === 0) tree[head] = value;
  else place((tree[head] = isTree(tree[head]) ? tree[head] : {}), rest, value);
}

/** Whether a setting is text: then digits in a variable stay what they are. */
const isText = (path: readonly string[]): boolean =>
  schemasAt(configSchema, path).some((schema) => schema instanceof z.ZodString);

function schemasAt(schema: unknown, path: readonly string[]): unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return schemasAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => schemasAt(option, path));
  const [name, ...rest] = path;
  if (name === undefined) return [schema];
  if (schema instanceof z.ZodObject) return schemasAt(schema.shape[name], rest);
  return schema instanceof z.ZodRecord ? schemasAt(schema.valueType, rest) : [];
}

/** A number, a truth value, or a list or map in YAML's flow style. */
function scalar(name: string, text: string): unknown {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  if (!/^[[{]/.test(text)) return text;
  try {
    return parse(text);
  } catch (error) {
    throw new AipError('CONFIG_INVALID', `${name}: ${(error as Error).message}`);
  }
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(low: Tree, high: Tree): Tree {
  const result: Tree = { ...low };
  for (const [key, value] of Object.entries(high)) {
    if (value === undefined) continue;
    const below = result[key];
    result[key] = isTree(value) && isTree(below) ? merge(below, value) : value;
  }
  return result;
}
