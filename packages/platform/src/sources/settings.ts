import { z } from 'zod';
import { secretOrText, secretReference as secret } from '../kernel/secret.ts';
import { SERVER_NAME, SERVER_NAME_RULE } from '../kernel/server-name.ts';

/** The settings of sources, as they stand in `aip.yaml`; `main` puts them into its own. */

const auth = z.union([
  z.strictObject({ bearer: secret }),
  z.strictObject({ basic: z.strictObject({ username: z.string().min(1), password: secret }) }),
  z.strictObject({
    api_key: z.strictObject({ in: z.enum(['header', 'query', 'cookie']), name: z.string().min(1), value: secret }),
  }),
  z.strictObject({
    client_credentials: z.strictObject({
      token_url: z.url(),
      client_id: z.string().min(1),
      client_secret: secret,
      scope: z.string().optional(),
    }),
  }),
]);

/** How an HTTP API is spoken to. */
const api = {
  auth: auth.optional(),
  headers: z.record(z.string(), secretOrText).prefault({}),
  timeout_seconds: z.number().positive().max(600).default(30),
};
const maxBytes = z.number().int().min(1_000).max(8_388_608);
const effect = z.enum(['read', 'write', 'external']);
const price = z.number().int().min(0);

export const openApiSchema = z.strictObject({
  document: z.string().min(1),
  base_url: z.url({ protocol: /^https?$/ }).optional(),
  operations: z
    .strictObject({
      include: z.array(z.string()).optional(),
      exclude: z.array(z.string()).default([]),
      tags: z.array(z.string()).optional(),
    })
    .prefault({}),
  ...api,
  response: z
    .strictObject({
      pick: z.record(z.string(), z.array(z.string().min(1))).default({}),
      max_items: z.number().int().positive().default(200),
      max_bytes: maxBytes.default(262_144),
    })
    .prefault({}),
  effects: z.record(z.string(), effect).default({}),
  prices: z.record(z.string(), price).default({}),
  default_price: price.default(0),
});

export const filesSchema = z.strictObject({
  root: z.string().min(1),
  include: z.array(z.string().min(1)).default(['**/*']),
  max_bytes: maxBytes.default(1_048_576),
});

const parameterType = z.enum(['string', 'integer', 'number', 'boolean']);

export const sqlSchema = z
  .strictObject({
    sqlite: z.string().min(1).optional(),
    postgres: z.union([z.url({ protocol: /^postgres(?:ql)?$/ }), secret]).optional(),
    /** Those that are offered; all of them unless set. */
    tables: z.array(z.string().min(1)).optional(),
    queries: z
      .record(
        z.string().regex(/^[a-zA-Z0-9-][a-zA-Z0-9_-]{0,47}$/, 'letters, digits, dash and underscore, at most 48'),
        z.strictObject({
          sql: z.string().min(1),
          description: z.string().default(''),
          parameters: z.record(z.string().regex(/^[a-z_][a-z0-9_]*$/i), parameterType).default({}),
        }),
      )
      .default({}),
    free_queries: z.boolean().default(false),
    max_rows: z.number().int().positive().max(10_000).default(200),
    timeout_seconds: z.number().positive().max(600).default(10),
  })
  .refine(({ sqlite, postgres }) => (sqlite === undefined) !== (postgres === undefined), 'set one of sqlite, postgres')
  .refine(
    ({ postgres, tables, free_queries }) => !(postgres !== undefined && tables !== undefined && free_queries),
    'free_queries of PostgreSQL read whatever the role may read; leave out tables, and grant that role no more than it needs',
  );

export const httpSchema = z.strictObject({
  base_url: z.url({ protocol: /^https?$/ }),
  resources: z.record(
    z.string().min(1).max(64),
    z.strictObject({
      path: z.string().regex(/^\/[^?#\s]*(?:\{\?[^}]*\})?$/, 'a path such as /weather/{city}{?units}'),
      description: z.string().default(''),
      mime_type: z.string().optional(),
    }),
  ),
  ...api,
  max_bytes: maxBytes.default(1_048_576),
});

/** The name is an owner in addresses and a part of paths, as a server's is. */
const name = z.string().regex(SERVER_NAME, SERVER_NAME_RULE);

export const sourcesSchema = z.strictObject({
  openapi: z.record(name, openApiSchema).prefault({}),
  files: z.record(name, filesSchema).default({}),
  sql: z.record(name, sqlSchema).default({}),
  http: z.record(name, httpSchema).prefault({}),
});

export type Auth = z.infer<typeof auth>;
export type OpenApiSettings = z.infer<typeof openApiSchema>;
export type FilesSettings = z.infer<typeof filesSchema>;
export type SqlSettings = z.infer<typeof sqlSchema>;
export type HttpSettings = z.infer<typeof httpSchema>;
export type SourcesSettings = z.infer<typeof sourcesSchema>;
