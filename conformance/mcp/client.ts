import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { Client } from '@modelcontextprotocol/client';
import { connectV2, createTestGateway, type TestGateway } from '../../packages/platform/src/edges/mcp/testing.ts';
import { memoryVault, until } from '../../packages/platform/src/kernel/testing.ts';

/**
 * The client under test in the official suite's client legs: this gateway, with the suite's server as its upstream and an
 * official client before it that uses everything it finds. The suite starts one process for each scenario and tells it
 * the rest by variables.
 */
const SERVER = 'suite';
/** Where the platform would be; browsers of this program know the way. */
const BASE_URL = 'https://conformance-test.local';
/** Logins that one caller is sent to in a row before it gives up. */
const MAX_LOGINS = 3;

const url = process.argv.at(-1) ?? '';
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as JsonObject;

class LoginWanted extends Error {}

const vault = memoryVault();
const gateway = await createTestGateway({
  vault,
  // A metadata document needs https, which the suite takes on trust.
  baseUrl: BASE_URL,
  servers: { [SERVER]: { url, default_effect: 'read', ...(await oauthOf(context)) } },
});
await using _ended = gateway;
const client = await connectV2(`${gateway.url}/mcp/${SERVER}`, 'auto', {
  capabilities: { elicitation: { form: { applyDefaults: true } }, sampling: {} },
  prepare: (prepared) => prepared.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: {} })),
});
await withLogins(() => useEverything(client));
await client.close();

/** What an operator would configure. */
async function oauthOf(given: JsonObject): Promise<JsonObject> {
  const { client_id, client_secret, private_key_pem, signing_algorithm } = given;
  if (typeof client_id !== 'string') return {};
  const grant = String(process.env['MCP_CONFORMANCE_SCENARIO']).includes('client-credentials')
    ? 'client_credentials'
    : 'authorization_code';
  const secrets: [setting: string, value: Json | undefined][] = [
    ['client_secret', client_secret],
    ['private_key', private_key_pem],
  ];
  const named: JsonObject = {};
  for (const [setting, value] of secrets) {
    if (typeof value !== 'string') continue;
    await vault.write('default', 'platform', setting, value);
    named[setting] = { vault: setting };
  }
  const algorithm = typeof signing_algorithm === 'string' ? { key_algorithm: signing_algorithm } : {};
  return { oauth: { grant, client_id, ...named, ...algorithm } };
}

/** Calls and reads what there is. Throws what a caller who is sent to log in would be told. */
async function useEverything(by: Client): Promise<void> {
  const { tools } = await by.listTools(undefined, { cacheMode: 'refresh' });
  const named = Array.isArray(context['toolCalls']) ? context['toolCalls'].filter(isJsonObject) : undefined;
  const schemas = new Map(tools.map(({ name, inputSchema }) => [name, inputSchema as JsonObject]));
  const calls = named ?? tools.map(({ name }) => ({ name, arguments: argumentsFor(name, schemas) }));
  const results = await Promise.all(
    calls.map((call) => by.callTool({ name: call['name'] as string, arguments: call['arguments'] as JsonObject })),
  );
  for (const result of results) wantsLogin(result);
  for (const { uri } of (await by.listResources()).resources) await by.readResource({ uri });
  for (const { name } of (await by.listPrompts()).prompts) await by.getPrompt({ name });
}

/** Arguments that fit a tool's schema; one tool wants to see what has become of another's. */
function argumentsFor(tool: string, schemas: ReadonlyMap<string, JsonObject>): JsonObject {
  if (tool === 'json_schema_echo') return { schema: [...schemas].find(([name]) => name !== tool)?.[1] ?? null };
  const schema = schemas.get(tool) ?? {};
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [
      name,
      isJsonObject(property) && (property['type'] === 'number' || property['type'] === 'integer') ? 5 : 'text',
    ]),
  );
}

function wantsLogin({ _meta = {} }: { readonly _meta?: Readonly<Record<string, unknown>> | undefined }): void {
  const error = _meta['aip/error'] as Json | undefined;
  if (isJsonObject(error) && error['code'] === 'REAUTHORISE') throw new LoginWanted(JSON.stringify(error));
}

async function withLogins(work: () => Promise<void>): Promise<void> {
  for (let logins = 0; ; logins++) {
    try {
      if (status().state === 'login_needed') throw new LoginWanted(status().error);
      return await work();
    } catch (error) {
      if (!(error instanceof LoginWanted) || logins === MAX_LOGINS) throw error;
      await login(gateway);
    }
  }
}

function status() {
  const [only] = gateway.upstreams.status();
  if (!only) throw new Error('The gateway has no upstream.');
  return only;
}

/** A browser whose user agrees to everything. */
async function login({ upstreams, exchange }: TestGateway): Promise<void> {
  const principal = exchange.authenticate({ kind: 'bearer', token: 'alice' });
  const { url: page } = await upstreams.login(SERVER, principal);
  const back = (await fetch(page, { redirect: 'manual' })).headers.get('location') ?? '';
  const { pathname, search } = new URL(back);
  const answer = await fetch(gateway.url + pathname + search);
  if (!answer.ok) throw new Error(await answer.text());
  // Either it is let in now, or told once more to log in; an attempt from before may have to end first.
  const { failures } = status();
  await until(() => status().state !== 'login_needed' || status().failures > failures + 1, 30_000);
}
