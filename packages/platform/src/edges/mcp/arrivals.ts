import { isJsonObject } from '@aip/wire';
import type { Scope } from './directory.ts';
import type { Edge } from './edge.ts';

/** Requests whose answer depends on what servers offer. */
const DEPENDENT = /^(?:tools|resources|prompts|completion|subscriptions)\//;

/**
 * What a request has to wait for while servers are starting: a list for all of them, a tool for whoever may bring it
 * along. A tool that is there already waits for nobody.
 *
 * @returns undefined when nothing is to be waited for, which is nearly always
 */
export function arrivals(edge: Edge, scope: Scope, message: unknown): Promise<unknown> | undefined {
  const expected = edge.exchange.routes.expected(scope.kind === 'server' ? scope.owner : undefined);
  if (!expected || !isJsonObject(message)) return undefined;
  const { method, params } = message;
  if (typeof method !== 'string' || !DEPENDENT.test(method)) return undefined;
  const name = method === 'tools/call' && isJsonObject(params) ? params['name'] : undefined;
  return typeof name === 'string' && edge.directory.tool(scope, name) ? undefined : expected;
}
