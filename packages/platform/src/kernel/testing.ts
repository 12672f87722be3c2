import type { Vault } from './vault.ts';

/** What AIP_TEST_ROUNDS=full multiplies by. */
const FULL = 10;

/** For tests: how often a race or a property is tried; AIP_TEST_ROUNDS, a number or `full`, multiplies it. */
export function rounds(base: number): number {
  const wanted = process.env['AIP_TEST_ROUNDS'] ?? '1';
  const factor = wanted === 'full' ? FULL : Number(wanted);
  if (!(factor > 0)) throw new RangeError(`AIP_TEST_ROUNDS is "full" or a number, not "${wanted}".`);
  return Math.ceil(base * factor);
}

/** For tests: waits until `check` holds. Throws after `timeout` milliseconds. */
export async function until(check: () => boolean | Promise<boolean>, timeout = 20_000): Promise<void> {
  const end = performance.now() + timeout;
  // Soon at first; what takes long is not slowed down by being asked about all the time.
  for (let pause = 5; !(await check()); pause = Math.min(pause * 1.2, 50)) {
    if (performance.now() > end) throw new Error(`Not within ${timeout} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** For tests: a vault in memory. */
export function memoryVault(): Vault {
  const owners = new Map<string, Map<string, string>>();
  const of = (tenant: string, owner: string): Map<string, string> => {
    const key = JSON.stringify([tenant, owner]);
    const secrets = owners.get(key) ?? new Map<string, string>();
    owners.set(key, secrets);
    return secrets;
  };
  return {
    read: async (tenant, owner, name) => of(tenant, owner).get(name),
    write: async (tenant, owner, name, secret) => void of(tenant, owner).set(name, secret),
    remove: async (tenant, owner, name) => of(tenant, owner).delete(name),
    names: async (tenant, owner) => [...of(tenant, owner).keys()].toSorted(),
  };
}
