import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { post } from '../packages/platform/src/edges/mcp/testing.ts';
import { until } from './fixtures/agent-process.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';
import { startFixtureServer, type Era } from './mcp/fixture/server.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

const TOOL = 'test_input_required_result_elicitation';
const capabilities = { elicitation: { form: {} } };

async function setup(era: Era, effect: 'read' | 'external') {
  const fixture = await startFixtureServer(era);
  open.push(fixture);
  const platform = await startPlatformProcess({
    settings: { mcp: { servers: { fixture: { url: fixture.url, default_effect: effect } } } },
  });
  open.push(platform);
  // Calls do not wait for anybody's approval.
  const token = platform.adminToken;
  const call = async (more: JsonObject = {}): Promise<JsonObject> => {
    const params = { name: TOOL, arguments: {}, ...more };
    const headers = { authorization: `Bearer ${token}` };
    const { body } = await post(`${platform.url}/mcp/fixture`, 'tools/call', params, { capabilities, headers });
    return (body['result'] ?? body) as JsonObject;
  };
  await connected(platform);
  return { fixture, platform, call };
}

/** The platform has found the fixture's tools. */
async function connected(platform: PlatformProcess): Promise<void> {
  const { client } = platform;
  const listed = async () =>
    JSON.stringify(await client(platform.adminToken).operate('catalogue.list', { owner: 'fixture' }));
  await until(async () => (await listed()).includes(TOOL), 10_000);
}

const answer = (asked: JsonObject): JsonObject => ({
  requestState: asked['requestState'] ?? null,
  inputResponses: Object.fromEntries(
    Object.keys(asked['inputRequests'] as JsonObject).map((key) => [
      key,
      { action: 'accept', content: { name: 'Ada' } },
    ]),
  ),
});

async function restart(platform: PlatformProcess): Promise<void> {
  await platform.kill9();
  await platform.restart();
  await connected(platform);
}

describe.each(['modern', 'legacy'] as const)(
  `an answer to a call that a restart has cut, with a server that is %s ${claim('P-MCP.cut')}`,
  (era) => {
    it('is led to the end that the call had, and nothing is called again', async () => {
      const { fixture, platform, call } = await setup(era, 'external');
      const asked = await call();
      expect(asked).toMatchObject({ resultType: 'input_required' });
      const { calls } = fixture;
      await restart(platform);
      for (let again = 0; again < 2; again++)
        expect(await call(answer(asked))).toMatchObject({
          isError: true,
          _meta: { 'aip/error': { code: 'EFFECT_UNKNOWN' } },
        });
      expect(fixture.calls).toBe(calls);
      // A new call is another call.
      const next = await call();
      expect(await call(answer(next))).toMatchObject({ content: [{ text: 'Hello, Ada!' }] });
    });
  },
);

it(`asks anew where the call only reads, since that is delivered again ${claim('P-MCP.cut')}`, async () => {
  const { platform, call } = await setup('modern', 'read');
  const asked = await call();
  await restart(platform);
  const anew = await call(answer(asked));
  expect(anew).toMatchObject({ resultType: 'input_required' });
  expect(anew['requestState']).not.toBe(asked['requestState']);
  expect(await call(answer(anew))).toMatchObject({ content: [{ text: 'Hello, Ada!' }] });
});
