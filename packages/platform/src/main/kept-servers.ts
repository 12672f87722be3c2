import { isJsonObject, parseJson } from '@aip/wire';
import type { McpUpstreams } from '../edges/mcp/index.ts';
import type { EntryDraft } from '../kernel/entry.ts';
import type { JournalReader } from '../kernel/journal.ts';
import type { Principal } from '../kernel/principal.ts';
import { PLATFORM_OWNER, type Vault } from '../kernel/vault.ts';
import { KEPT_SERVER } from './kept-server-decider.ts';
import type { Log } from './log.ts';
import { addedServerSchema, type AddedServer } from './mcp-settings.ts';

/** The name of what is needed to reach a server, among the platform's secrets: URLs and headers may hold some. */
const secretName = (name: string): string => `mcp-server.${name}`;

/** Puts the way to a server into the vault, and returns the entry by which the next start finds it. */
export async function keepServer(
  vault: Vault,
  { tenant, id }: Principal,
  name: string,
  server: AddedServer,
): Promise<EntryDraft> {
  await vault.write(tenant, PLATFORM_OWNER, secretName(name), JSON.stringify(server));
  return { kind: 'mcp.keep', head: { name, origin: new URL(server.url).origin, by: id } };
}

export async function forgetServer(vault: Vault, { tenant, id }: Principal, name: string): Promise<EntryDraft> {
  await vault.remove(tenant, PLATFORM_OWNER, secretName(name));
  return { kind: 'mcp.forget', head: { name, by: id } };
}

/** Connects to the servers that were added before; those of the same name in the settings go first. */
export async function restoreServers(
  read: JournalReader,
  vault: Vault,
  upstreams: McpUpstreams,
  log: Log,
): Promise<void> {
  for (const tenant of read.tenants()) {
    for (const { value } of read.open(tenant, KEPT_SERVER)) {
      const name = isJsonObject(value) ? (value['name'] as string) : '';
      const skipped = upstreams.has(name)
        ? 'the settings have one of that name'
        : await restore(vault, upstreams, tenant, name);
      if (skipped !== undefined) log('warn', `mcp: ${name}, added while running, is not restored: ${skipped}`);
    }
  }
}

/** Returns why not. */
async function restore(
  vault: Vault,
  upstreams: McpUpstreams,
  tenant: string,
  name: string,
): Promise<string | undefined> {
  const kept = await vault.read(tenant, PLATFORM_OWNER, secretName(name));
  if (kept === undefined) return 'how it is reached is no longer in the vault; add it again';
  const server = addedServerSchema.safeParse(parseJson(kept));
  if (!server.success) return 'it was kept by another version; add it again';
  upstreams.add(name, server.data);
  return undefined;
}
