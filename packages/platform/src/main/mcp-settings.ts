import { z } from 'zod';
import type { Address } from '../kernel/address.ts';
import { secretOrText, secretReference, type SecretOrText } from '../kernel/secret.ts';
import { SERVER_NAME, SERVER_NAME_RULE } from '../kernel/server-name.ts';

const stdioServer = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), secretOrText).prefault({}),
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
    headers: z.record(z.string(), header).prefault({}),
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

/** `mcp` of `aip.yaml`. */
export const mcpSchema = z.strictObject({
  servers: z.record(z.string().regex(SERVER_NAME, SERVER_NAME_RULE), mcpServerSchema).prefault({}),
  virtual: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/i, 'letters, digits, dash and underscore, at most 32'),
      virtualServerSchema,
    )
    .default({}),
  search_above: z.number().int().min(0).optional(),
  idle_seconds: z.number().positive().default(1_800),
  max_sessions: z.number().int().positive().default(5_000),
});
