import { AipError } from '@aip/wire';
import { DEFAULT_TENANT } from '../kernel/principal.ts';
import { PLATFORM_OWNER, type Vault } from '../kernel/vault.ts';
import type { SecretReference } from './settings.ts';

/** Throws CONFIG_INVALID, which names the reference and never the secret. Read anew for each call, so that it can be changed. */
export type ReadSecret = (reference: SecretReference) => Promise<string>;

export type Environment = Readonly<Record<string, string | undefined>>;

export const secretReader =
  (vault: Vault, environment: Environment): ReadSecret =>
  async (reference) => {
    const secret =
      'vault' in reference
        ? await vault.read(DEFAULT_TENANT, PLATFORM_OWNER, reference.vault)
        : environment[reference.env];
    if (secret !== undefined && secret !== '') return secret;
    throw new AipError(
      'CONFIG_INVALID',
      'vault' in reference
        ? `The vault holds no secret "${reference.vault}"; "aip secret set ${reference.vault}" keeps one.`
        : `The variable ${reference.env} is not set in the platform's environment.`,
    );
  };

/** What a text becomes where a secret stood in it: an API may repeat what it was sent. */
export const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((rest, secret) => (secret.length < 6 ? rest : rest.replaceAll(secret, '[secret]')), text);
