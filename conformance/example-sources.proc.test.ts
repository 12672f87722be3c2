import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../packages/platform/src/cli/free-port.testing.ts';
import { loadConfig } from '../packages/platform/src/main/config.ts';
import { claim } from './claim.ts';
import { aip, startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

/** examples/sources as its README runs it, on another port and in a folder of its own. */
const EXAMPLE = fileURLToPath(new URL('../examples/sources', import.meta.url));

let home: string;
let platform: PlatformProcess;

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'aip-example-'));
  cpSync(EXAMPLE, home, { recursive: true, filter: (file) => !/shop\.db|\.aip$/.test(file) });
  const port = await freePort();
  const file = path.join(home, 'aip.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll('./', `${home}/`).replaceAll(':8000', `:${port}`));
  const { sources } = loadConfig({ env: {}, cwd: home });
  platform = await startPlatformProcess({ settings: { sources }, port });
}, 60_000);
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const run = async (...args: string[]): Promise<string> => {
  const { stdout, stderr } = await aip([...args, '--data-dir', platform.folder], home);
  return (stdout + stderr).trimEnd();
};

describe(`examples/sources ${claim('D-CLI.sources', 'D-DOCS')}`, () => {
  it('says what is missing until shop.ts has run', async () => {
    await expect.poll(() => run('source', 'list'), { timeout: 20_000 }).toMatch(/^shop +sql +failed +0 +0 +\S+/m);
    expect(await run('source', 'inspect', 'shop')).toMatch(/^State +failed$[^]*^Error: .*shop\.db/m);
    execFileSync(process.execPath, ['shop.ts'], { cwd: home });
    await expect.poll(() => run('source', 'list'), { timeout: 60_000, interval: 1_000 }).toMatch(/^shop +sql +active/m);
  }, 90_000);

  it('lists a source of each kind, with what it offers', async () => {
    const listed = await run('source', 'list');
    for (const line of listed.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(listed).toMatch(/^SOURCE +KIND +STATE +TOOLS +RESOURCES +NOTE$/m);
    expect(listed).toMatch(/^about +openapi +active +2 +0$/m);
    expect(listed).toMatch(/^notes +files +active +0 +2$/m);
    expect(listed).toMatch(/^monitor +http +active +0 +1$/m);
    const shop = await run('source', 'inspect', 'shop');
    expect(shop).toMatch(/^Settings +sources\.sql\.shop$/m);
    expect(shop).toMatch(/^orders_of +read +active +Orders of one customer/m);
    expect(shop).toMatch(/^shop\/sql:\/\/\/tables\/orders\/\{key\}/m);
    expect(await run('source', 'inspect', 'shop/orders_of')).toMatch(/^customer +string/m);
    expect(JSON.parse(await run('source', 'inspect', 'notes', '-o', 'json'))).toMatchObject({
      source: { name: 'notes', state: 'active' },
      tools: [],
      resources: expect.arrayContaining([
        expect.objectContaining({ address: 'resource:notes/file:///opening-hours.md' }),
      ]),
    });
    expect(await run('source', 'inspect', 'nothing')).toContain('there are about, notes, shop, monitor.');
  }, 60_000);

  it('is called and read as its README says', async () => {
    const page = readFileSync(path.join(EXAMPLE, 'README.md'), 'utf8');
    const answers: Record<string, RegExp> = {
      'mcp call about/getVersion': /"version"/,
      'mcp call shop/orders_of customer=ada': /"tea".*"scones"/,
      'agent invoke resource:notes/file:///opening-hours.md': /^# Opening hours/,
      [`agent invoke 'resource:shop/sql:///tables/orders/{key}' '{"key":2}'`]: /"coffee"/,
      'agent invoke resource:monitor/api:///readyz': /"ready"/,
    };
    for (const [line, answer] of Object.entries(answers)) {
      expect(page).toContain(`npx --no aip ${line}\n`);
      const words = line.match(/'[^']*'|\S+/g)!.map((word) => word.replace(/^'(.*)'$/, '$1'));
      expect(await run(...words), line).toMatch(answer);
    }
  }, 60_000);
});
