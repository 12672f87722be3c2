/**
 * Whose a secret is: a principal's id, `platform` for what an operator has set for everybody, `server:<name>` for what
 * the platform itself has to know to reach an upstream server.
 */
export type VaultOwner = string;

export const PLATFORM_OWNER: VaultOwner = 'platform';

/**
 * Where secrets are kept that the platform has to be able to read again: tokens of upstream servers, keys of APIs.
 * Encrypted at rest. What it returns goes to whom it was made for, and into no log, error or audit.
 */
export interface Vault {
  /** undefined when there is no such secret. */
  read(tenant: string, owner: VaultOwner, name: string): Promise<string | undefined>;
  /** Resolves when it is durable. Throws INVALID_ARGUMENT past a bound. */
  write(tenant: string, owner: VaultOwner, name: string, secret: string): Promise<void>;
  /** false when there was no such secret. */
  remove(tenant: string, owner: VaultOwner, name: string): Promise<boolean>;
  /** In alphabetical order. */
  names(tenant: string, owner: VaultOwner): Promise<string[]>;
}
