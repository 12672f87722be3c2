import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AipError } from '@aip/wire';
import { parse } from 'yaml';
import { z } from 'zod';

const stdioServer = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().optional(),
});
const httpServer = z.strictObject({ url: z.url(), headers: z.record(z.string(), z.string()).default({}) });
const effect = z.enum(['read', 'write', 'external']);
const governed = {
  /** What each tool changes; an upstream's own hints are not trusted. */
  effects: z.record(z.string(), effect).default({}),
  default_effect: effect.default('external'),
  /** Integer units for one call, by tool. */
  prices: z.record(z.string(), z.number().int().min(0)).default({}),
  default_price: z.number().int().min(0).default(0),
};

export const httpServerSchema = httpServer.extend(governed);
const mcpServerSchema = z.union([stdioServer.extend(governed), httpServerSchema]);

/** An A2A agent elsewhere; `did` is whose signature its card has to carry. */
const remoteAgentSchema = z.strictObject({
  url: z.url(),
  did: z.string().startsWith('did:').optional(),
  headers: z.record(z.string(), z.string()).default({}),
});

const rateSchema = z.strictObject({
  per_second: z.number().positive().default(2_000),
  burst: z.number().int().positive().default(4_000),
});

/** Everything that can be set. The same names in `aip.yaml`, as `AIP_*` variables (nesting: `__`) and as flags. */
export const configSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.number().int().min(0).max(65_535).default(8000),
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
  mcp: z
    .strictObject({
      servers: z
        .record(
          z
            .string()
            .regex(
              /^(?!(?:aip|operations|v)$)[a-z0-9][a-z0-9_-]{0,31}$/i,
              'letters, digits, dash and underscore, at most 32; not aip, operations or v',
            ),
          mcpServerSchema,
        )
        .default({}),
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
});

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

/** What is wrong, by the name of the setting; of several forms that a setting may have, the one that is nearest. */
function faultsOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): string[] {
  const path = [...above, ...issue.path];
  const nearest = issue.code === 'invalid_union' ? issue.errors.toSorted((a, b) => a.length - b.length)[0] : undefined;
  if (nearest && nearest.length > 0) return nearest.flatMap((inner) => faultsOf(inner, path));
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
