import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Scope } from './directory.ts';
import type { Edge } from './edge.ts';

/** MCP Apps (SEP-1865): tools name user interfaces, which are resources. */
export const APPS_EXTENSION = 'io.modelcontextprotocol/ui';
/** Tasks (SEP-2663): the gateway's own, whatever a server makes of its. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** Skills (SEP-2640): directories of instructions, which are resources, with methods to find them. */
export const SKILLS_EXTENSION = 'io.modelcontextprotocol/skills';

/** The extensions whose every part reaches the server behind the gateway; others would promise what does not pass. */
const PASSED: readonly string[] = [APPS_EXTENSION, SKILLS_EXTENSION];

/** The kind of user interface that MCP Apps have. */
const APP_HTML = 'text/html;profile=mcp-app';

/** What the gateway declares to servers: whose client shows no user interfaces overlooks them. */
export const PASSED_TO_SERVERS = { [APPS_EXTENSION]: { mimeTypes: [APP_HTML] } } as const;

/** `capabilities.extensions` of the servers behind an endpoint, their settings put together. */
export function extensionsAt({ extensions, directory }: Edge, scope: Scope): Record<string, JsonObject> {
  const merged: Record<string, JsonObject> = {};
  if (scope.kind === 'agent') return merged;
  for (const [server, declared] of extensions()) {
    if (!directory.concerns(scope, server)) continue;
    for (const id of PASSED) {
      const settings = declared[id];
      if (isJsonObject(settings)) merged[id] = both(merged[id] ?? {}, settings);
    }
  }
  return merged;
}

/** The servers behind an endpoint that serve skills, in the order of their names. */
export function skillServers({ extensions, directory }: Edge, scope: Scope): string[] {
  return [...extensions()]
    .filter(([server, declared]) => isJsonObject(declared[SKILLS_EXTENSION]) && directory.concerns(scope, server))
    .map(([server]) => server)
    .toSorted();
}

/** Whether a server lists its directories as well; a setting of skills. */
export function readsDirectories({ extensions }: Edge, server: string): boolean {
  for (const [name, declared] of extensions()) {
    const settings = declared[SKILLS_EXTENSION];
    if (name === server) return isJsonObject(settings) && settings['directoryRead'] === true;
  }
  return false;
}

/** What one of several can do, their endpoint can: true wins, lists are joined. */
function both(left: JsonObject, right: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const known = merged[key];
    if (Array.isArray(known) && Array.isArray(value)) merged[key] = [...new Set([...known, ...value])];
    else if (known === undefined || known === false) merged[key] = value;
  }
  return merged;
}
