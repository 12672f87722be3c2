import { AipError } from '@aip/wire';
import { z } from 'zod';
import { operation, type Operation } from '../kernel/operation.ts';
import { SECRET_NAME, SECRET_NAME_RULE } from '../kernel/secret.ts';
import { PLATFORM_OWNER, type Vault } from '../kernel/vault.ts';

const nameInput = z.string().regex(SECRET_NAME, SECRET_NAME_RULE);

/** The platform's own secrets: set, listed by name, removed, and never shown again. */
export function vaultOperations(vault: Vault): Operation[] {
  return [
    operation({
      name: 'secrets.set',
      summary: 'Keeps a secret, encrypted, under a name that settings can cite; it is never shown again.',
      effect: 'write',
      plane: 'control',
      input: z.object({ name: nameInput, value: z.string().min(1).max(65_536) }),
      output: z.object({ name: z.string() }),
      secrets: ['value'],
      async handler({ principal }, { name, value }) {
        await vault.write(principal.tenant, PLATFORM_OWNER, name, value);
        return { output: { name }, entries: [{ kind: 'secret.set', head: { name, by: principal.id } }] };
      },
    }),
    operation({
      name: 'secrets.list',
      summary: 'The names of the secrets that are kept.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({ names: z.array(z.string()) }),
      handler: async ({ principal }) => ({ output: { names: await vault.names(principal.tenant, PLATFORM_OWNER) } }),
    }),
    operation({
      name: 'secrets.remove',
      summary: 'Forgets a secret.',
      effect: 'write',
      plane: 'control',
      input: z.object({ name: nameInput }),
      output: z.object({ name: z.string() }),
      async handler({ principal }, { name }) {
        if (!(await vault.remove(principal.tenant, PLATFORM_OWNER, name)))
          throw new AipError('NOT_FOUND', `There is no secret "${name}"; "aip secret list" shows their names.`);
        return { output: { name }, entries: [{ kind: 'secret.remove', head: { name, by: principal.id } }] };
      },
    }),
  ];
}
