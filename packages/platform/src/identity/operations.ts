import { AipError } from '@aip/wire';
import { z } from 'zod';
import { didSchema } from '../kernel/did.ts';
import { operation, type Operation } from '../kernel/operation.ts';
import { ADMIN } from './authenticate.ts';
import type { Logins } from './login.ts';
import type { TokenBook } from './tokens.ts';

const nameInput = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, 'letters, digits, dot, dash and underscore, at most 63');

/** API tokens: made once, shown once, stored hashed, revoked at will. */
export function identityOperations(tokens: () => TokenBook, logins: Logins, now: () => number): Operation[] {
  return [
    operation({
      name: 'tokens.create',
      summary: 'Makes an API token; it is shown this once only.',
      effect: 'write',
      plane: 'control',
      input: z.object({
        name: nameInput,
        roles: z.array(z.enum(['caller', 'operator', 'viewer'])).default(['caller']),
        agent: didSchema.optional(),
        /** Seconds until it expires. */
        expires_in: z.coerce
          .number()
          .int()
          .min(1)
          .max(10 * 365 * 86_400)
          .optional(),
      }),
      output: z.object({ id: z.string(), name: z.string(), token: z.string(), roles: z.array(z.string()) }),
      handler({ principal }, input) {
        const expires = input.expires_in === undefined ? {} : { expires: now() + input.expires_in * 1000 };
        const { token, entry } = tokens().make({
          name: input.name,
          roles: input.roles,
          by: principal.id,
          ...expires,
          ...(input.agent === undefined ? {} : { agent: input.agent }),
        });
        return {
          output: { id: entry.head['id'] as string, name: input.name, token, roles: input.roles },
          entries: [entry],
          secret: true,
        };
      },
    }),
    operation({
      name: 'tokens.list',
      summary: 'API tokens, without their secrets.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({
        tokens: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            roles: z.array(z.string()),
            by: z.string(),
            created_at: z.string(),
            expires_at: z.string().optional(),
            agent: z.string().optional(),
          }),
        ),
      }),
      handler({ principal }) {
        const list = tokens().list(principal.tenant);
        return {
          output: {
            tokens: list.map((row) => ({
              id: row.id,
              name: row.name,
              roles: [...row.roles],
              by: row.by,
              created_at: new Date(row.created).toISOString(),
              ...(row.expires === undefined ? {} : { expires_at: new Date(row.expires).toISOString() }),
              ...(row.agent === undefined ? {} : { agent: row.agent }),
            })),
          },
        };
      },
    }),
    operation({
      name: 'tokens.revoke',
      summary: 'Revokes an API token at once.',
      effect: 'write',
      plane: 'control',
      input: z.object({ id: z.string().min(1).max(64) }),
      output: z.object({ id: z.string() }),
      handler: ({ principal }, { id }) => ({
        output: { id },
        entries: [{ kind: 'token.revoke', head: { id, by: principal.id } }],
      }),
    }),
    operation({
      name: 'logins.create',
      summary: 'Makes a one-time code that opens the dashboard as whoever asks for it.',
      effect: 'write',
      plane: 'control',
      input: z.object({}),
      output: z.object({ code: z.string() }),
      handler({ principal }) {
        // A session ends with what it was opened with, so there has to be a token, or the administrator's file.
        const row = tokens()
          .list(principal.tenant)
          .find(({ id }) => id === principal.token);
        if (principal.kind === 'agent' || (row === undefined && principal !== ADMIN))
          throw new AipError('PERMISSION_DENIED', 'The dashboard is opened with an API token, not by agents.');
        return { output: { code: logins.issueCode(principal, row?.expires) }, secret: true };
      },
    }),
  ];
}
