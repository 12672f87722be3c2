import { isJsonObject, type JsonObject } from '@aip/wire';
import type { Action } from '../../kernel/message.ts';

/** Methods that cross the exchange, by what they do there. */
const ACTIONS: Readonly<Record<string, Action>> = {
  'tools/call': 'call',
  'resources/read': 'read',
  'resources/subscribe': 'read',
  'resources/directory/read': 'read',
  'skills/list': 'read',
  'skills/get': 'read',
  'prompts/get': 'get',
  'tools/list': 'operate',
  'resources/list': 'operate',
  'resources/templates/list': 'operate',
  'prompts/list': 'operate',
  'tasks/get': 'operate',
  'tasks/list': 'operate',
  'tasks/result': 'operate',
  'tasks/update': 'operate',
  'tasks/cancel': 'operate',
};

/** What a message does in the exchange; undefined when it ends in the edge (pings, answers, notifications). */
export function actionOf({ method, params }: JsonObject): Action | undefined {
  if (typeof method !== 'string') return undefined;
  const given = isJsonObject(params) ? params : {};
  if (method === 'completion/complete')
    return isJsonObject(given['ref']) && given['ref']['type'] === 'ref/prompt' ? 'get' : 'read';
  if (method === 'subscriptions/listen') return watchesResources(given) ? 'read' : undefined;
  return Object.hasOwn(ACTIONS, method) ? ACTIONS[method] : undefined;
}

function watchesResources({ notifications }: JsonObject): boolean {
  const uris = isJsonObject(notifications) ? notifications['resourceSubscriptions'] : undefined;
  return Array.isArray(uris) && uris.length > 0;
}
