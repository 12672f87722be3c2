import type { AipClient } from '@aip/sdk';
import { AipError } from '@aip/wire';
import { nearest } from '../../kernel/nearest.ts';

/**
 * The DID of the stranger that an operator means: a DID, or the name that one of those who wait gives itself. Names of
 * strangers are their own claim, so the platform is told, and records, the DID. Throws UNKNOWN_AGENT where nobody or more
 * than one is meant. A DID that is not near that of anybody who waits is passed on: one may admit in
 * advance.
 */
export async function whoWaits(client: AipClient, meant: string): Promise<string> {
  const isDid = meant.startsWith('did:');
  const { agents } = await client.operate('agents.list', { state: 'pending', limit: 1_000 }).catch((error: unknown) => {
    // Whoever may admit need not see who waits.
    if (isDid && error instanceof AipError && error.code === 'PERMISSION_DENIED') return { agents: [] };
    throw error;
  });
  if (agents.some(({ did }) => did === meant)) return meant;
  if (isDid) {
    const near = nearest(
      meant,
      agents.map(({ did }) => did),
    );
    const neighbour = agents.find(({ did }) => did === near);
    if (!neighbour) return meant;
    throw new AipError(
      'UNKNOWN_AGENT',
      `Nobody with the DID ${meant} has asked to join; did you mean ${neighbour.name}’s ${neighbour.did}?`,
    );
  }
  const named = agents.filter(({ name }) => name === meant);
  const [only] = named;
  if (only && named.length === 1) return only.did;
  if (only)
    throw new AipError(
      'UNKNOWN_AGENT',
      `${named.length} strangers call themselves ${meant}; say which by its DID:\n  ${named.map(({ did }) => did).join('\n  ')}`,
    );
  const near = nearest(
    meant,
    agents.map(({ name }) => name),
  );
  throw new AipError(
    'UNKNOWN_AGENT',
    `Nobody called ${meant} waits to join${near === undefined ? '.' : `; did you mean ${near}?`} "aip agent list --state pending" shows who does.`,
  );
}
