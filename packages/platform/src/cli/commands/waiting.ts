import type { AipClient } from '@aip/sdk';
import { AipError } from '@aip/wire';
import { brokenPolicies } from '../checks.ts';
import type { Check } from '../local.ts';
import { mcpChecks } from './mcp-checks.ts';

/**
 * What waits for the operator of a running platform, and what of it does not work: one line each, nothing where all is
 * quiet. What the caller may not see, and a platform of another version does not know, is left out.
 */
export async function whatWaits(client: AipClient): Promise<readonly Check[]> {
  const found = await Promise.all(
    [policies, strangers, approvals, heldMoney, stops, mcpChecks, failedSources].map((look) =>
      look(client).catch(ifShown),
    ),
  );
  return found.flat();
}

const NOT_SHOWN: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'NOT_FOUND']);

function ifShown(error: unknown): readonly Check[] {
  if (error instanceof AipError && NOT_SHOWN.has(error.code)) return [];
  throw error;
}

/** Waiting is no fault. */
const waits = (name: string, detail: string, remedy: string): Check => ({
  name,
  ok: true,
  waits: true,
  detail,
  remedy,
});

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** Names that one line takes. */
const NAMED = 3;

const someOf = (names: readonly string[]): string =>
  names.length > NAMED ? `${names.slice(0, NAMED).join(', ')} and ${names.length - NAMED} more` : names.join(', ');

async function policies(client: AipClient): Promise<readonly Check[]> {
  const { error } = await client.operate('policies.list', {});
  return error === undefined ? [] : [brokenPolicies(error.message)];
}

async function strangers(client: AipClient): Promise<readonly Check[]> {
  const { agents } = await client.operate('agents.list', { state: 'pending', limit: 1_000 });
  if (agents.length === 0) return [];
  const who = `${counted(agents.length, 'agent asks', 'agents ask')} to join: ${someOf(agents.map(({ name }) => name))}`;
  return [waits('admissions', who, 'aip agent list --state pending')];
}

async function approvals(client: AipClient): Promise<readonly Check[]> {
  const { asks } = await client.operate('asks.list', {});
  if (asks.length === 0) return [];
  return [waits('approvals', `${counted(asks.length, 'call waits', 'calls wait')} for approval`, 'aip approvals')];
}

async function heldMoney(client: AipClient): Promise<readonly Check[]> {
  const { transfers } = await client.operate('ledger.open', {});
  if (transfers.length === 0) return [];
  const what = `money is held by ${counted(transfers.length, 'call', 'calls')} whose effect is unknown`;
  return [waits('budget', what, 'aip budget open')];
}

async function stops(client: AipClient): Promise<readonly Check[]> {
  const { kills } = await client.operate('kills.list', {});
  if (kills.length === 0) return [];
  return [waits('stops', `${counted(kills.length, 'stop is', 'stops are')} in force`, 'aip kills')];
}

async function failedSources(client: AipClient): Promise<readonly Check[]> {
  const { sources } = await client.operate('sources.list', {});
  return sources
    .filter(({ state }) => state === 'failed')
    .map(({ kind, name, error = '' }) => ({
      name: `sources.${kind}.${name}`,
      ok: false,
      detail: error,
      remedy: `aip source inspect ${name}`,
    }));
}
