import type { AipClient, Operations } from '@aip/sdk';
import type { Check } from '../local.ts';

type McpList = Operations['mcp.list']['output'];
type Server = McpList['servers'][number];

/** What is wrong with the MCP servers of a running platform: one line for each that is not as it should be. */
export async function mcpChecks(client: AipClient): Promise<readonly Check[]> {
  const [{ servers, endpoints }, { tools }] = await Promise.all([
    client.operate('mcp.list', {}),
    // Those that somebody has rejected are as they should be.
    client.operate('mcp.pins', { state: 'quarantined' }),
  ]);
  return [
    ...servers.filter(({ state }) => state !== 'active').map(connectionCheck),
    ...[...new Set(tools.map(({ server }) => server))].map((server) => quarantineCheck(server, tools)),
    ...endpoints.filter(({ missing }) => missing.length > 0).map(missingCheck),
  ];
}

function connectionCheck({ name, state, reached, error }: Server): Check {
  const how = state.replace('_', ' ');
  const detail = error === undefined ? how : `${how} at ${reached}: ${error}`;
  const check = { name: `mcp.servers.${name}`, detail };
  // One that has not been tried yet is not at fault.
  if (state === 'starting') return { ...check, ok: true };
  return { ...check, ok: false, remedy: `aip mcp ${state === 'login_needed' ? 'login' : 'inspect'} ${name}` };
}

function quarantineCheck(server: string, tools: readonly { readonly server: string; readonly tool: string }[]): Check {
  const names = tools.filter((one) => one.server === server).map(({ tool }) => tool);
  return {
    name: `mcp.servers.${server}`,
    ok: false,
    detail: `quarantined: ${names.join(', ')}`,
    remedy: `aip mcp pins ${server}`,
  };
}

/** Only virtual servers promise tools that may be missing. */
function missingCheck({ path, missing }: McpList['endpoints'][number]): Check {
  const name = path.replace(/^\/mcp\/v\//, '');
  return {
    name: `mcp.virtual.${name}`,
    ok: false,
    detail: `missing: ${missing.map((tool) => `${tool.name} (${tool.target})`).join(', ')}`,
    remedy: `aip mcp inspect v/${name}`,
  };
}
