import type { Client } from '@modelcontextprotocol/client';
import { expect, onTestFinished } from 'vitest';
import { memoryVault, until } from '../../../../kernel/testing.ts';
import type { Vault } from '../../../../kernel/vault.ts';
import { connectV2, createTestGateway, type TestGateway, type TestGatewayOptions } from '../../testing.ts';
import type { HttpUpstream } from '../config.ts';
import { startProtectedServer, type ProtectedServer, type ProtectedServerOptions } from './testing.ts';

export async function setup(
  more: Partial<HttpUpstream> = {},
  options: ProtectedServerOptions = {},
  gatewayOptions: Partial<TestGatewayOptions> = {},
): Promise<{ server: ProtectedServer; gateway: TestGateway; vault: Vault }> {
  const server = await startProtectedServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const vault = gatewayOptions.vault ?? memoryVault();
  const gateway = await createTestGateway({
    ...gatewayOptions,
    vault,
    servers: { box: { url: server.url, default_effect: 'read', ...more } },
  });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return { server, gateway, vault };
}

export async function connect(
  gateway: TestGateway,
  token: string,
  options: Parameters<typeof connectV2>[2] = {},
): Promise<Client> {
  const client = await connectV2(`${gateway.url}/mcp/box`, 'auto', { token, ...options });
  onTestFinished(() => client.close());
  return client;
}

export const beginLogin = (gateway: TestGateway, name: string) =>
  gateway.upstreams.login('box', gateway.exchange.authenticate({ kind: 'bearer', token: name }));

/** Opens the URL as a browser does, up to the page that the platform shows. */
export async function browse(url: string): Promise<{ status: number; text: string; callback: string }> {
  const callback = (await fetch(url, { redirect: 'manual' })).headers.get('location')!;
  const response = await fetch(callback);
  return { status: response.status, text: await response.text(), callback };
}

export async function logIn(gateway: TestGateway, name: string): Promise<void> {
  const page = await browse((await beginLogin(gateway, name)).url);
  expect(page, page.text).toMatchObject({ status: 200 });
  await until(() => gateway.upstreams.status()[0]!.state === 'active');
}

/** Access tokens expire; the refresh that follows is held up on its way to the authorization server. */
export function holdRenewal(server: ProtectedServer): { begun: Promise<void>; goOn: () => void } {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
  server.expire();
  server.beforeRefresh = () => {
    server.beforeRefresh = undefined;
    begin();
    return held;
  };
  return { begun, goOn };
}

export const whoami = (client: Client) => client.callTool({ name: 'whoami', arguments: {} });
export const said = (text: string) => ({ content: [{ type: 'text', text }] });
export const refusedWith = (code: string) => ({
  isError: true,
  _meta: { 'aip/error': expect.objectContaining({ code }) },
});
