import type { AipClient } from '@aip/sdk';
import { AipError } from '@aip/wire';

/** Codes that a name gets of which nothing is offered. */
const UNKNOWN = new Set(['NOT_FOUND', 'UNKNOWN_TARGET']);

/**
 * Throws what has gone wrong; of a source (OpenAPI, files, sql, http) that could not be read, and therefore offers
 * nothing, why that is: AGENT_UNAVAILABLE.
 */
export async function orSourceProblem(client: AipClient, name: string, error: unknown): Promise<never> {
  if (!(error instanceof AipError) || !UNKNOWN.has(error.code)) throw error;
  const { sources } = await client.operate('sources.list', {}).catch(() => ({ sources: [] }));
  const failed = sources.find((source) => source.name === name && source.state === 'failed');
  if (!failed) throw error;
  throw new AipError(
    'AGENT_UNAVAILABLE',
    `The source sources.${failed.kind}.${name} could not be read: ${failed.error ?? 'it does not say why.'}`,
    { cause: error },
  );
}
