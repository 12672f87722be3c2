import { createOutbound } from '../engines/outbound/fetch.ts';
import { checkIssuer } from '../identity/index.ts';
import type { Config } from './config.ts';

/** What each configured issuer publishes, by its name in the settings; asked all at once, over the platform's own way out. */
export async function checkIssuers(
  issuers: Config['identity']['issuers'],
): Promise<(Awaited<ReturnType<typeof checkIssuer>> & { readonly name: string })[]> {
  const outbound = createOutbound();
  try {
    return await Promise.all(
      Object.entries(issuers).map(async ([name, config]) => ({
        name,
        ...(await checkIssuer(config, outbound.fetchFor)),
      })),
    );
  } finally {
    await outbound.close();
  }
}
