import { resolve } from 'node:path';
import { AipError } from '@aip/wire';
import { z } from 'zod';
import { didSchema } from '../kernel/did.ts';
import { nearest as nearestOf } from '../kernel/nearest.ts';
import { secretOrText } from '../kernel/secret.ts';
import { sourcesSchema } from '../sources/index.ts';
import { identitySchema } from './identity-settings.ts';
import { mcpSchema } from './mcp-settings.ts';
import { fromEnvironment, fromFile, merged, namesAt, placeIn, readableIn, says, type Tree } from './settings-layers.ts';

/** An A2A agent elsewhere; `did` is whose signature its card has to carry. */
const remoteAgentSchema = z.strictObject({
  url: z.url(),
  did: didSchema.optional(),
  headers: z.record(z.string(), secretOrText).prefault({}),
});

const rateSchema = z.strictObject({
  per_second: z.number().positive().default(2_000),
  burst: z.number().int().positive().default(4_000),
  // 2 KiB for each message of the default rate: who sends many has small ones, who sends large ones sends few.
  bytes_per_second: z
    .number()
    .positive()
    .default(4 * 1024 * 1024),
  bytes_burst: z
    .number()
    .int()
    .positive()
    .default(256 * 1024 * 1024),
});

/** Everything that can be set. The same names in `aip.yaml`, as `AIP_*` variables (nesting: `__`) and as flags. */
const settingsSchema = z.strictObject({
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
  mcp: mcpSchema.prefault({}),
  a2a: z
    .strictObject({
      agents: z
        .record(
          z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i, 'letters, digits, dash and underscore, at most 63'),
          remoteAgentSchema,
        )
        .prefault({}),
    })
    .prefault({}),
  sources: sourcesSchema.prefault({}),
});

export const configSchema = settingsSchema.superRefine(({ mcp, sources }, context) => {
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
  const file = fileOf({ env, cwd });
  const layers = [fromFile(file, env['AIP_CONFIG'] !== undefined), fromEnvironment(env, configSchema), flags];
  const config = parsed(configSchema, file, layers);
  return { ...config, data_dir: resolve(cwd, config.data_dir) };
}

/** What the command needs to find a platform that runs already. */
export type ClientSetting = 'host' | 'port' | 'data_dir' | 'admin_token';

/**
 * These settings alone, whatever is wrong with the others: a slip in `aip.yaml` must not keep anybody from stopping what
 * runs. Throws CONFIG_INVALID when one of these is wrong.
 */
export function loadClientSettings<Name extends ClientSetting>(
  { env, flags = {}, cwd }: ConfigSources,
  ...names: readonly Name[]
): Pick<Config, Name> {
  const shape = Object.fromEntries(names.map((name) => [name, settingsSchema.shape[name]]));
  const schema = z.object(shape) as unknown as z.ZodObject & z.ZodType<Pick<Config, Name>>;
  const file = fileOf({ env, cwd });
  const found: Partial<Config> = parsed(schema, file, [readableIn(file), fromEnvironment(env, schema), flags]);
  const folder = found.data_dir === undefined ? {} : { data_dir: resolve(cwd, found.data_dir) };
  return { ...found, ...folder } as Pick<Config, Name>;
}

/** The file of the settings, whether it is there or not. */
export const fileOf = ({ env, cwd }: ConfigSources): string => resolve(cwd, env['AIP_CONFIG'] ?? 'aip.yaml');

/** What the layers say together, the file first. Throws CONFIG_INVALID. */
function parsed<T>(schema: z.ZodType<T>, file: string, [inFile = {}, ...above]: readonly Tree[]): T {
  const layers = [inFile, ...above];
  const result = schema.safeParse(layers.reduce(merged));
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue));
  // One that is missing because its name is misspelt is told of once, where it stands.
  const misspelt = new Set(faults.map(({ meant }) => meant?.join('.')));
  const told = faults.filter(({ path }) => !misspelt.has(path.join('.')) || layers.some((layer) => says(layer, path)));
  const issues = told.map(({ path, message }) => {
    const place = above.some((layer) => says(layer, path)) ? undefined : placeIn(file, path);
    return `${place === undefined ? '' : `${place} `}${path.map(String).join('.') || 'settings'}: ${message}`;
  });
  throw new AipError('CONFIG_INVALID', `The configuration has errors:\n  ${issues.join('\n  ')}`, {
    details: { errors: issues },
  });
}

/** What zod says of a setting that has none of its forms, unless the schema says it better. */
const UNEXPLAINED = 'Invalid input';

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The setting that was probably meant. */
  readonly meant?: readonly PropertyKey[];
}

/** What is wrong, by the name of the setting; of several forms that a setting may have, the one that is nearest. */
function faultsOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): Fault[] {
  const path = [...above, ...issue.path];
  const nearest = issue.code === 'invalid_union' ? issue.errors.toSorted((a, b) => a.length - b.length)[0] : undefined;
  const isWithin = nearest?.some((inner) => inner.path.length > 0) === true;
  const isExplained = issue.message !== UNEXPLAINED && !isWithin;
  if (nearest && nearest.length > 0 && !isExplained) return nearest.flatMap((inner) => faultsOf(inner, path));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownSetting(path, key));
  return [{ path, message: issue.message }];
}

function unknownSetting(path: readonly PropertyKey[], name: string): Fault {
  const names = namesAt(configSchema, path.map(String));
  const meant = nearestOf(name, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean "${meant}"?`;
  const message = `there is no such setting; ${hint}`;
  return { path: [...path, name], message, ...(meant === undefined ? {} : { meant: [...path, meant] }) };
}
