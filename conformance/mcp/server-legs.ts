import { startPlatformProcess } from '../fixtures/platform-process.ts';
import { startBearerProxy } from './bearer-proxy.ts';
import { FIXTURE_TASKS, startFixtureServer, type Era } from './fixture/server.ts';
import { runSuite, type LegResult, type Revision } from './suite.ts';

/** Names the fixture at the platform; its own endpoint shows its names as they are. */
const SERVER = 'fixture';

/**
 * The suite's server leg against `/mcp/{server}` of a platform in a process of its own, behind which the fixture runs
 * in the given era: the whole path is under test, and the bridge between the eras where the two differ.
 */
export async function runServerLeg(revision: Revision, upstream: Era): Promise<LegResult> {
  await using fixture = await startFixtureServer(upstream);
  // What the operator says of the fixture's tools: they change nothing, so calls wait for nobody's approval.
  const servers = { [SERVER]: { url: fixture.url, default_effect: 'read', tasks: FIXTURE_TASKS } };
  await using platform = await startPlatformProcess({ settings: { mcp: { servers } } });
  await using proxy = await startBearerProxy(platform.url, await platform.token('suite'));
  return await runSuite('server', revision, ['--url', `${proxy.url}/mcp/${SERVER}`]);
}
