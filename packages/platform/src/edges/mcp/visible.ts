import { isJsonObject, type JsonObject } from '@aip/wire';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Client, Edge } from './edge.ts';
import { asProtocolError } from './results.ts';

/** What the client may see, as the operation that lists it says. */
export async function visible(
  edge: Edge,
  { session, scope }: Client,
  kind?: CatalogueEntry['kind'],
): Promise<readonly CatalogueEntry[]> {
  const owner = scope.kind === 'server' || scope.kind === 'agent' ? { owner: scope.owner } : {};
  const filter: JsonObject = { ...(kind ? { kind } : {}), ...owner };
  try {
    const listed = await edge.exchange.operate(session, 'catalogue.list', filter);
    return isJsonObject(listed) && Array.isArray(listed['entries'])
      ? (listed['entries'] as unknown as CatalogueEntry[])
      : [];
  } catch (error) {
    throw asProtocolError(error);
  }
}
