/** For tests: how often a race or a property is tried; AIP_TEST_ROUNDS multiplies it. */
export const rounds = (base: number): number => Math.ceil(base * Number(process.env['AIP_TEST_ROUNDS'] ?? 1));

/** For tests: waits until `check` holds. Throws after `timeout` milliseconds. */
export async function until(check: () => boolean | Promise<boolean>, timeout = 5_000): Promise<void> {
  const end = performance.now() + timeout;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`Not within ${timeout} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
