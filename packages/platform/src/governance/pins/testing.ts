import type { JsonObject } from '@aip/wire';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Session } from '../../kernel/session.ts';
import { until } from '../../kernel/testing.ts';
import { openTestCore, type TestCore } from '../../main/testing.ts';
import type { PinView } from './view.ts';

export type Shown = PinView & { changes?: { path: string; before?: string; after?: string }[] };

export const tool = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  description: `It can ${name}.`,
  inputSchema: { type: 'object', properties: { path: { type: 'string' } } },
  ...more,
});

/** What a server offers from now on, as its edge would put it. */
export function offer(core: TestCore, server: string, ...tools: JsonObject[]): void {
  const entries = tools.map((native): CatalogueEntry => {
    const name = native['name'] as string;
    return {
      address: `tool:${server}/${name}`,
      kind: 'tool',
      name,
      owner: server,
      ownerName: server,
      description: native['description'] as string,
      inputSchema: native['inputSchema'] as JsonObject,
      effect: 'read',
      idempotent: true,
      price: 0,
      state: 'active',
      native,
    };
  });
  core.exchange.catalogue.put(server, entries);
  core.exchange.routes.bind(server, {
    reach: 'remote',
    async *deliver(call) {
      yield { type: 'done', body: call.message.body };
    },
  });
}

export const open = (folder: string, pin: 'off' | 'warn' | 'enforce' = 'enforce') =>
  openTestCore(folder, { pinning: () => pin });

export const call = async (
  core: TestCore,
  address: `tool:${string}`,
  session: Session = core.admin,
): Promise<string> => {
  try {
    const sent = await core.exchange.send(session, { to: address, action: 'call', body: data({ path: 'x' }) });
    return (await sent.ended).type;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

export const refusal = async (core: TestCore, to: `tool:${string}`): Promise<string> =>
  core.exchange.send(core.admin, { to, action: 'call', body: data({}) }).then(
    () => 'permitted',
    (error: unknown) => (error as Error).message,
  );

export const pins = async (core: TestCore, input: JsonObject = {}): Promise<Shown[]> =>
  (await core.operate<{ tools: Shown[] }>('mcp.pins', input)).tools;
export const state = async (core: TestCore, name: string): Promise<string | undefined> =>
  (await pins(core, { tool: name }))[0]?.state;
export const findings = async (core: TestCore, name: string): Promise<string[]> =>
  (await pins(core, { tool: name }))[0]!.findings.map((finding) => finding.kind);

/** So many are on record, and the platform has been told: what is committed after them is answered after them. */
export async function settled(core: TestCore, entries: number): Promise<void> {
  await until(() => core.entries(['mcp.pin', 'mcp.quarantine']).length === entries);
  await pins(core);
}
