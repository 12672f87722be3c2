import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import { generateKeyPair } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestIssuer } from '../identity/testing.ts';
import { EXIT } from './exit-codes.ts';
import { createTestPlatform, type TestPlatform } from './testing.ts';

let platform: TestPlatform;
const aip = (...args: string[]) => platform.aip(...args);
beforeEach(async () => {
  platform = await createTestPlatform();
});
afterEach(() => platform[Symbol.asyncDispose]());

const greet = { name: 'greet', description: 'Says hello.', effect: 'read', price: 2 };

describe(`aip agent ${claim('D-CLI.commands')}`, () => {
  it('create makes a key and a file that only their owner can read, and admits the agent', async () => {
    const made = await aip('agent', 'create', '--name', 'hello', '--capabilities', 'greet, sum-up');
    expect(made).toMatchObject({ code: EXIT.ok, err: '', out: expect.stringContaining('node hello.ts') });
    const source = readFileSync(join(platform.folder, 'hello.ts'), 'utf8');
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
    expect(source).toContain(`gateway: '${platform.url.replace('http', 'ws')}/ws'`);
    for (const file of ['hello.ts', 'hello.key', 'hello.token'])
      expect(statSync(join(platform.folder, file)).mode & 0o777).toBe(0o600);

    // What is shared holds no secret.
    const joinToken = readFileSync(join(platform.folder, 'hello.token'), 'utf8');
    expect(source).toContain('/hello.token');
    expect(source).not.toContain(joinToken);
    const { did } = JSON.parse(readFileSync(join(platform.folder, 'hello.key'), 'utf8')) as { did: string };
    await platform.core.operate(
      'agents.connect',
      { join_token: joinToken },
      platform.core.as({ kind: 'signed', did }, 'ioap'),
    );
    expect((await aip('agent', 'list', '-o', 'json')).out).toContain(did);
  });

  it('create overwrites nothing', async () => {
    writeFileSync(join(platform.folder, 'hello.ts'), 'mine');
    const refused = await aip('agent', 'create', '--name', 'hello', '--capabilities', 'greet');
    expect(refused).toMatchObject({ code: EXIT.failed, err: expect.stringContaining('exists already') });
    expect(readFileSync(join(platform.folder, 'hello.ts'), 'utf8')).toBe('mine');
  });

  it('list shows agents in columns, get one of them whole', async () => {
    expect((await aip('agent', 'list')).out).toMatch(/^No agents\./);
    const { did } = await platform.core.agent('hello', { capabilities: [greet] });
    await platform.core.agent('a-longer-name');
    const [heading, first, second] = (await aip('agent', 'list')).out.split('\n');
    expect(heading).toMatch(/^NAME +STATE +PROTOCOL +DID +CAPABILITIES$/);
    expect(first?.indexOf('connected')).toBe(heading?.indexOf('STATE'));
    expect(second).toContain(`${did.slice(0, 16)}…${did.slice(-6)}`);
    expect((await aip('agent', 'list', '--capability', 'greet')).out.split('\n')).toHaveLength(2);
    const one = (await aip('agent', 'get', 'hello')).out;
    expect(one).toContain(did);
    expect(one).toMatch(/greet +read +2 +Says hello\./);
    expect(await aip('agent', 'get', 'nobody')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('nobody'),
    });
  });

  it('list shows who waits to be admitted, admit lets them in, remove puts them out', async () => {
    const { did } = generateKeyPair();
    const knock = () =>
      platform.core.operate('agents.connect', { name: 'stranger' }, platform.core.as({ kind: 'signed', did }, 'ioap'));
    await expect(knock()).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
    expect((await aip('agent', 'invoke', 'stranger')).err).toBe(
      `aip: stranger waits to be admitted:\n  aip agent admit ${did}`,
    );
    const { token } = await platform.core.operate<{ token: string }>('tokens.create', { name: 'ci' });
    expect((await aip('agent', 'invoke', 'stranger', '--token', token)).err).toContain('No agent "stranger" is known');
    expect((await aip('agent', 'list', '--state', 'pending')).out).toMatch(new RegExp(`stranger +now +${did}`));
    expect(await aip('agent', 'admit', did)).toMatchObject({ code: EXIT.ok, out: `Admitted stranger, ${did}.` });
    await knock();
    expect(await aip('agent', 'admit', 'did:key:z6Mkfoo')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('agent: this is not a did:key'),
    });
    const early = generateKeyPair().did;
    expect((await aip('agent', 'admit', early, '--name', 'early')).out).toBe(
      `Admitted early, ${early}.\nNobody with this DID has asked yet; it is let in when it connects.`,
    );
    expect((await aip('agent', 'admit', early, '--name', 'later')).out).toBe(`Admitted later, ${early}.`);
    expect((await aip('agent', 'remove', 'stranger')).code).toBe(EXIT.ok);
    await expect(knock()).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  });

  it('admit and dismiss take the name of the one who has it, and a DID only as it is', async () => {
    const knock = async (name: string) => {
      const { did } = generateKeyPair();
      const as = platform.core.as({ kind: 'signed', did }, 'ioap');
      await expect(platform.core.operate('agents.connect', { name }, as)).rejects.toMatchObject({
        code: 'NOT_ADMITTED',
      });
      return did;
    };
    const echo = await knock('echo');
    expect((await aip('agent', 'admit', 'ecko')).err).toMatch(
      /^aip: Nobody called ecko waits to join; did you mean echo\?/,
    );
    const misspelt = `${echo.slice(0, -1)}${echo.endsWith('a') ? 'b' : 'a'}`;
    for (const verb of ['admit', 'dismiss'])
      expect(await aip('agent', verb, misspelt)).toMatchObject({
        code: EXIT.failed,
        err: expect.stringContaining(`did you mean echo’s ${echo}?`),
      });
    const other = await knock('echo');
    const { code, err } = await aip('agent', 'admit', 'echo');
    expect(code).not.toBe(EXIT.ok);
    expect(err).toContain('2 strangers call themselves echo');
    expect(err).toContain(echo);
    expect(err).toContain(other);
    expect((await aip('agent', 'dismiss', other)).out).toBe(`Dismissed ${other}.`);
    expect((await aip('agent', 'admit', 'echo')).out).toBe(`Admitted echo, ${echo}.`);
    const pest = await knock('pest');
    expect((await aip('agent', 'dismiss', 'pest')).out).toBe(`Dismissed ${pest}.`);
  });

  it('invoke calls an agent, a skill and a tool, and prints the result', async () => {
    await platform.core.agent('hello', { capabilities: [greet] });
    platform.core.tool('read', { effect: 'read' });
    await aip('budget', 'set', 'user:admin', '--total', '100');
    expect(await aip('agent', 'invoke', 'hello', 'plain words')).toMatchObject({ code: EXIT.ok, out: 'plain words' });
    expect((await aip('agent', 'invoke', 'hello', '{"x":1}', '--skill', 'greet')).out).toBe('{\n  "x": 1\n}');
    expect(await platform.json('agent', 'invoke', 'tool:notes/read', '{"y":2}')).toEqual({
      task: expect.any(String),
      result: { y: 2 },
    });
  });

  it('invoke fails with a tool that says that it failed, and shows what it says', async () => {
    platform.core.tool('read', {
      effect: 'read',
      async *deliver() {
        const content = [{ type: 'text', text: 'no such file' }];
        yield { type: 'done', body: { type: 'mcp', value: { content, isError: true } } };
      },
    });
    expect(await aip('agent', 'invoke', 'tool:notes/read')).toMatchObject({
      code: EXIT.failed,
      out: '',
      err: expect.stringMatching(/no such file[^]*read of notes ran and says that it failed/),
    });
  });

  it('invoke says who has to act while the call waits, and goes on when somebody has', async () => {
    await platform.core.agent('hello');
    const calls = platform.core.tool('write');
    await platform.core.operate('policies.put', {
      name: 'approve.cedar',
      text: '@id("ask")\n@approve("operators")\npermit (principal, action == Action::"call", resource);',
    });
    const waiting = aip('agent', 'invoke', 'tool:notes/write', '{"z":3}');
    await expect.poll(async () => (await aip('approvals')).out).toContain('tool:notes/write');
    const longest = (await aip('approvals')).out.split('\n').map((line) => line.length);
    expect(Math.max(...longest)).toBeLessThanOrEqual(100);
    const { asks } = (await platform.json('approvals')) as { asks: { id: string }[] };
    expect((await aip('approve', asks[0]!.id, '--reason', 'fine')).code).toBe(EXIT.ok);
    const done = await waiting;
    expect(done).toMatchObject({
      code: EXIT.ok,
      out: '{\n  "z": 3\n}',
      err: expect.stringContaining(`aip approve ${asks[0]!.id}`),
    });
    expect(calls).toHaveLength(1);
  });

  it('invoke ends with the reason when the call is denied by a person', async () => {
    platform.core.tool('write');
    await platform.core.operate('policies.put', {
      name: 'approve.cedar',
      text: '@id("ask")\n@approve("operators")\npermit (principal, action == Action::"call", resource);',
    });
    const waiting = aip('agent', 'invoke', 'tool:notes/write');
    await expect
      .poll(async () => ((await platform.json('approvals', 'list')) as { asks: unknown[] }).asks.length)
      .toBe(1);
    const { asks } = (await platform.json('approvals')) as { asks: { id: string }[] };
    await aip('deny', asks[0]!.id, '--reason', 'not today');
    expect(await waiting).toMatchObject({ code: EXIT.denied, err: expect.stringContaining('not today') });
    expect((await aip('approvals', '--all')).out).toContain('denied');
  });
});

describe(`aip connect ${claim('D-CLI.commands')}`, () => {
  it('permits one agent to call another and checks its signed card', async () => {
    const from = await platform.core.agent('planner');
    const { did } = await platform.core.agent('researcher');
    const call = () =>
      platform.core.exchange.send(platform.core.as({ kind: 'signed', did: from.did }, 'a2a'), {
        to: `agent:${did}`,
        action: 'invoke',
        body: { type: 'text', value: 'hi' },
      });
    await expect(call()).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const connected = await aip('connect', 'planner', 'researcher', '--protocol', 'a2a');
    expect(connected).toMatchObject({
      code: EXIT.ok,
      out: expect.stringMatching(
        /^planner may call researcher over a2a\.\nIts card is signed by did:key:.* and offers JSONRPC/,
      ),
    });
    await (
      await call()
    ).ended;
  });

  it('says so where the caller comes over another protocol than it is permitted, or is an agent by itself', async () => {
    await platform.core.agent('planner');
    await platform.core.agent('researcher');
    expect(await aip('connect', 'planner', 'researcher')).toMatchObject({
      code: EXIT.ok,
      out: 'planner may call researcher over ioap.\nresearcher is connected over ioap.',
    });
    const idle =
      'planner is connected over ioap; the permission is for mcp, so it is of no use until planner comes over mcp.';
    expect(await aip('connect', 'planner', 'researcher', '--protocol', 'mcp')).toMatchObject({
      code: EXIT.ok,
      out: `planner may call researcher over mcp.\nresearcher is connected over ioap.\n${idle}`,
    });
    expect(await platform.json('connect', 'planner', 'researcher', '--protocol', 'mcp')).toMatchObject({
      warning: idle,
    });
    expect(await aip('connect', 'planner', 'planner')).toMatchObject({
      code: EXIT.failed,
      err: 'aip: planner and planner are one agent; name two.',
    });
  });

  it('says which chains are refused all the same, and what permits them', async () => {
    for (const name of ['ann', 'bob', 'cid']) await platform.core.agent(name);
    const cut =
      'ann may call bob, but not cid: what bob does for ann at cid is refused; "aip connect ann cid" permits it.';
    expect((await aip('connect', 'ann', 'bob')).out).not.toContain('refused');
    expect((await aip('connect', 'bob', 'cid')).out).toContain(cut);
    expect((await aip('connect', 'ann', 'bob')).out).toContain(cut);
    await aip('connect', 'ann', 'cid');
    expect((await aip('connect', 'bob', 'cid')).out).not.toContain('refused');
  });

  it('says so when another policy stands in the way', async () => {
    await platform.core.agent('planner');
    await platform.core.agent('researcher');
    await platform.core.operate('policies.put', {
      name: 'no.cedar',
      text: '@id("nobody-calls-anybody")\nforbid (principal is Agent, action == Action::"invoke", resource);',
    });
    const refused = await aip('connect', 'planner', 'researcher');
    expect(refused).toMatchObject({ code: EXIT.denied, err: expect.stringContaining('nobody-calls-anybody') });
  });
});

describe(`aip tasks ${claim('D-CLI.commands')}`, () => {
  it('list, get and cancel follow a task', async () => {
    await platform.core.agent('slow', {
      deliver: async function* ({ signal }) {
        yield { type: 'working' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        yield { type: 'failed', error: { code: 'CANCELED', message: 'Stopped.', retryable: false }, effect: 'none' };
      },
    });
    const waiting = aip('agent', 'invoke', 'slow');
    await expect.poll(async () => (await aip('tasks', '--state', 'working')).out).toMatch(/working/);
    const { tasks } = (await platform.json('tasks', 'list', '--state', 'working')) as { tasks: { id: string }[] };
    const id = tasks[0]!.id;
    await platform.core.operate('agents.list');
    const shown = async (...args: string[]) => (await aip('tasks', ...args)).out;
    expect(await shown('list', '--operations')).toContain('operation:');
    expect(await shown('list')).not.toContain('operation:');
    expect(await platform.json('tasks', 'list')).toMatchObject({ total: 1, tasks: [{ id }] });
    const all = (await platform.json('tasks', 'list', '--operations')) as { total: number; tasks: unknown[] };
    expect(all.tasks).toHaveLength(all.total);
    expect(await shown('list', '--operations', '--limit', '1')).toMatch(/1 of \d+; --limit shows more\.$/);
    expect((await shown('list', '--limit', '1')).split('\n')[1]).toContain(id);
    expect((await shown('list')).split('\n').filter((line) => line.length > 80)).toEqual([]);
    const { did } = await platform.core.operate<{ did: string }>('agents.get', { agent: 'slow' });
    for (const agent of ['slow', did]) expect(await shown('list', '--agent', agent)).toMatch(/agent:slow$/m);
    expect(await shown('list', '--agent', 'fast')).toBe('No tasks.');
    const one = (await aip('tasks', 'get', id)).out;
    expect(one).toMatch(/submitted[\s\S]*working/);
    expect(one).toMatch(new RegExp(`^To +agent:slow \\(agent:${did}\\)$`, 'm'));
    expect(one).toMatch(/^# +ENTRY +AT +EVENT +STATE +WHAT\n1 +\d+ /m);
    expect((await aip('tasks', 'cancel', id)).out).toBe(`Task ${id} is canceled.`);
    expect(await waiting).toMatchObject({ code: EXIT.failed });
    expect(await aip('tasks', 'cancel', id)).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('ended already'),
    });
  });
});

describe(`aip kill, pause, release and kills ${claim('D-CLI.commands')}`, () => {
  it('stop a scope and let it go on', async () => {
    await platform.core.agent('hello', { capabilities: [{ ...greet, price: 0 }] });
    expect((await aip('kills')).out).toBe('Nothing is stopped.');
    expect((await aip('kill', 'agent:hello', '--reason', 'it loops')).out).toMatch(
      /^agent:hello is stopped since \d\d:\d\d:\d\d.*aip release agent:hello/s,
    );
    expect(await aip('agent', 'invoke', 'hello')).toMatchObject({
      code: EXIT.denied,
      err: expect.stringContaining('it loops'),
    });
    expect((await aip('agent', 'invoke', 'hello')).err).toMatch(/agent:did:key:\w+ \(hello\) is stopped: it loops/);
    expect((await aip('kills')).out).toMatch(/agent:hello \(z6Mk\w{4}….{6}\) +kill +[\d:]+ +user:admin +\d+ +it loops/);
    await aip('release', 'agent:hello', '--reason', 'mended');
    expect((await aip('agent', 'invoke', 'hello', 'on')).out).toBe('on');
    expect((await aip('pause', 'agent:hello')).out).toContain('paused');
    for (const [mode, scope] of [
      ['kill', 'server:nots'],
      ['pause', 'capability:greeet'],
      ['kill', 'session:none'],
      ['kill', 'agent:did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH'],
    ] as const) {
      expect((await aip(mode, scope)).out).toContain(`Nothing matches ${scope} now; whatever comes under that name`);
      expect(await platform.json(mode, scope)).toMatchObject({ scope, matches: false });
    }
    expect(await platform.json('pause', 'capability:greet')).toMatchObject({ matches: true });
    expect((await aip('pause', 'agent:hello')).out).not.toContain('Nothing matches');
    expect((await aip('kill', 'agent:helo')).err).toContain('give its DID');
    expect(await aip('kill', 'agent:did:key:z6Mkfoo')).toMatchObject({
      code: EXIT.usage,
      err: 'aip: scope: this is not a did:key (did:key:z6Mk…, 56 characters); has it been cut off?\n(add --help for what there is)',
    });
    expect((await aip('kill', 'protocol:mpc')).err).toContain('there are http, mcp, a2a, ioap, local');
    expect(await aip('kill', 'everything')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringMatching(/^aip: scope: expected global/),
    });
  });
});

describe(`aip budget ${claim('D-CLI.commands')}`, () => {
  it('sets hard limits and shows what is spent', async () => {
    await platform.core.agent('hello', { capabilities: [greet] });
    expect((await aip('budget')).out).toMatch(/^No budgets\./);
    const invoke = () => aip('agent', 'invoke', 'hello', '--skill', 'greet');
    expect(await invoke()).toMatchObject({
      code: EXIT.denied,
      err: expect.stringMatching(/costs 2 units; .*"aip budget set user:admin --per-day 100"/),
    });
    expect((await aip('budget', 'set', 'user:admin', '--per-call', '2', '--per-day', '4')).out).toMatch(
      /user:admin +2 +4 +– +0 +0 +0$/m,
    );
    expect([(await invoke()).code, (await invoke()).code, (await invoke()).code]).toEqual([
      EXIT.ok,
      EXIT.ok,
      EXIT.denied,
    ]);
    expect((await aip('budget', 'list')).out).toMatch(/user:admin +2 +4 +– +4 +4 +0$/m);
    expect((await aip('budget', 'set', 'service:cii', '--total', '5')).out).toContain(
      '\nNobody has the id service:cii now; the budget is for whoever comes under it.',
    );
    await aip('token', 'create', 'ci');
    for (const known of ['service:ci', 'hello', 'user:admin'])
      expect((await aip('budget', 'set', known, '--per-call', '2', '--per-day', '4')).out).not.toContain('Nobody');
    expect((await aip('budget', 'set', 'did:key:z6Mkfoo', '--total', '5')).err).toContain('not a did:key');
    expect((await aip('budget', 'remove', 'service:cii')).code).toBe(EXIT.ok);
    expect((await aip('budget', 'list')).out).not.toContain('service:cii');
    expect((await aip('budget', 'open')).out).toBe('Nothing is held by calls that have ended.');
    expect((await aip('budget', 'set', 'user:admin')).code).toBe(EXIT.usage);
    expect((await aip('budget', 'set', 'user:admin', '--per-day', '1.5')).code).toBe(EXIT.usage);
  });

  it('decides what becomes of money whose call ended with its effect unknown', async () => {
    await platform.core.agent('hello', {
      capabilities: [greet],
      deliver: async function* () {
        yield {
          type: 'failed',
          error: { code: 'UPSTREAM_FAILED', message: 'Lost.', retryable: false },
          effect: 'unknown',
        };
      },
    });
    await aip('budget', 'set', 'user:admin', '--per-day', '10');
    await aip('agent', 'invoke', 'hello', '--skill', 'greet');
    const { transfers } = (await platform.json('budget', 'open')) as { transfers: { task: string }[] };
    expect((await aip('budget', 'reconcile', transfers[0]!.task, 'released')).out).toContain('released');
    expect((await aip('budget', 'open')).out).toBe('Nothing is held by calls that have ended.');
    expect((await aip('budget', 'reconcile', transfers[0]!.task, 'perhaps')).code).toBe(EXIT.usage);
  });
});

describe(`aip policy ${claim('D-CLI.commands')}`, () => {
  it('list, check and explain', async () => {
    await platform.core.agent('planner');
    platform.core.tool('write');
    expect((await aip('policy', 'list')).out).toMatch(/admins-may-do-everything +permit +starter\.cedar:\d+/);
    expect(await aip('policy', 'check')).toMatchObject({ code: EXIT.ok, out: expect.stringContaining('are valid') });
    const explained = (await aip('policy', 'explain', 'planner', 'tool:notes/write', '--protocol', 'mcp')).out;
    expect(explained).toMatch(/^deny: [\s\S]*What would permit it:\n[\s\S]*permit \(principal ==\s+Agent::/);
    // An agent becomes an administrator by its role; a policy about anonymous callers is no advice for it.
    expect(explained).toContain('admins-may-do-everything');
    expect(explained).not.toContain('cards-are-public');
    expect(explained.split('\n').filter((line) => line.length > 100)).toEqual([]);
    const whole = (await aip('policy', 'explain', 'planner', 'tool:notes/write', '--all')).out;
    expect(whole).toMatch(
      /permit cards-are-public \(starter\.cedar:\d+\) does not apply\n +not principal is Anonymous/,
    );
    expect((await aip('policy', 'explain', 'admin', 'tool:notes/write')).out).toMatch(/^permit: /);
    await aip('token', 'create', 'ci');
    const parked = (await aip('policy', 'explain', 'service:ci', 'tool:notes/write')).out;
    expect(parked).toContain('\n  after approval by operators, within 1h\n');
    expect(await aip('policy', 'explain', 'service:nobody', 'tool:notes/write')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('There is no token named "nobody"'),
    });
    for (const meant of ['cii', 'service:cii'])
      expect((await aip('policy', 'explain', meant, 'tool:notes/write')).err).toMatch(/ Did you mean service:ci\?$/);
    expect((await aip('policy', 'explain', 'planer', 'tool:notes/write')).err).toMatch(/ Did you mean planner\?$/);
    expect((await aip('policy', 'explain', 'anonymous', 'tool:notes/write')).out).toMatch(/^deny: /);
  });

  it('check names the line of an error and fails as not verified', async () => {
    writeFileSync(
      join(platform.folder, 'broken.cedar'),
      'permit (principal, action, resource)\nwhen { context.depht > 1 };',
    );
    const checked = await aip('policy', 'check', 'broken.cedar');
    expect(checked).toMatchObject({ code: EXIT.unverified, out: expect.stringMatching(/broken\.cedar:2:\d+/) });
  });

  it('test decides a table of cases', async () => {
    const cases = (expected: string) =>
      `- { name: reads, principal: 'Service::"ci"', action: call, resource: 'Tool::"notes/read"', expect: ${expected} }`;
    writeFileSync(join(platform.folder, 'good.yaml'), cases('deny'));
    writeFileSync(join(platform.folder, 'bad.yaml'), cases('permit'));
    expect(await aip('policy', 'test', 'good.yaml')).toMatchObject({
      code: EXIT.ok,
      out: expect.stringContaining('1 passed, 0 failed.'),
    });
    expect(await aip('policy', 'test', 'bad.yaml')).toMatchObject({
      code: EXIT.unverified,
      out: expect.stringContaining('0 passed, 1 failed.'),
    });
  });
});

describe(`aip audit ${claim('D-CLI.commands')}`, () => {
  it('verify checks the log while the platform runs, and shows what a kill has stopped', async () => {
    await platform.core.agent('hello');
    await aip('agent', 'invoke', 'hello');
    await aip('kill', 'agent:hello', '--reason', 'enough');
    const verified = await aip('audit', 'verify');
    expect(verified).toMatchObject({ code: EXIT.ok, out: expect.stringMatching(/Verified\.$/) });
    expect(verified.out).toMatch(/agent:\w+ \(z6Mk\S+\) +kill +[\d:]+ +T[-+]\d+ ms, entry \d+ +\d+ +no/);
  });

  it('export writes a file that is verified by itself, unless a byte of it has changed', async () => {
    await platform.core.agent('hello');
    const exported = await aip('audit', 'export', '--out', 'log.jsonl');
    expect(exported).toMatchObject({
      code: EXIT.ok,
      out: expect.stringContaining('aip audit verify --export log.jsonl'),
    });
    const verify = (...more: string[]) => aip('audit', 'verify', '--export', 'log.jsonl', ...more);
    expect((await verify()).code).toBe(EXIT.ok);
    expect((await verify('--gateway', 'did:key:z6MkSomebodyElse')).code).toBe(EXIT.failed);
    const file = join(platform.folder, 'log.jsonl');
    writeFileSync(file, readFileSync(file, 'utf8').replace('agent.invite', 'agent.invitf'));
    expect(await verify()).toMatchObject({
      code: EXIT.unverified,
      out: expect.stringMatching(/NOT VERIFIED:\n +entry \d+: /),
    });
    expect((await aip('audit', 'export', '--out', 'log.jsonl')).code).toBe(EXIT.failed);
    expect((await aip('audit', 'verify', '--export', 'none.jsonl')).err).toContain('There is no file ');
  });

  it('verify says of an export that was cut off where that is, and nothing else', async () => {
    await platform.core.agent('hello');
    await aip('agent', 'invoke', 'hello');
    await expect.poll(async () => (await aip('audit', 'checkpoint')).code).toBe(EXIT.ok);
    await aip('audit', 'export', '--out', 'log.jsonl');
    const whole = readFileSync(join(platform.folder, 'log.jsonl'), 'utf8');
    const entry = whole.indexOf('{"seq":2,');
    for (const end of [entry, entry + 40]) {
      writeFileSync(join(platform.folder, 'cut.jsonl'), whole.slice(0, end));
      const { code, out } = await aip('audit', 'verify', '--export', 'cut.jsonl');
      expect(code).toBe(EXIT.unverified);
      expect(out).toMatch(/NOT VERIFIED:\n {2}it is cut off after entry 1$/);
      expect(out).not.toContain('Unsigned');
    }
  });

  it('checkpoint prints what was signed, and verify compares a log with it', async () => {
    await platform.core.agent('hello');
    await expect.poll(async () => (await aip('audit', 'checkpoint')).code).toBe(EXIT.ok);
    const keep = (name: string, text: string): void => writeFileSync(join(platform.folder, name), text);
    const { out } = await aip('audit', 'checkpoint');
    keep('kept.txt', `${out}\n`);
    const verify = (file: string) => aip('audit', 'verify', '--checkpoint', file);
    expect(await verify('kept.txt')).toMatchObject({ code: EXIT.ok, out: expect.stringMatching(/Verified\.$/) });
    keep('flipped.txt', `${out.replace(/^\d+$/m, (size) => String(Number(size) - 1))}\n`);
    expect(await verify('flipped.txt')).toMatchObject({
      code: EXIT.unverified,
      out: expect.stringContaining('the checkpoint kept elsewhere'),
    });
    expect(await verify('missing.txt')).toMatchObject({
      code: EXIT.usage,
      err: `aip: There is no file ${join(platform.folder, 'missing.txt')}.`,
    });
  });
});

describe(`aip doctor ${claim('D-CLI.commands', 'D-CLI.doctor')}`, () => {
  it('finds secrets that others can read, and policies that are not in force', async () => {
    expect((await aip('doctor')).code).toBe(EXIT.ok);
    chmodSync(join(platform.folder, 'admin.token'), 0o644);
    writeFileSync(join(platform.folder, 'policies', 'broken.cedar'), 'permit (');
    const found = await aip('doctor');
    expect(found.code).toBe(EXIT.unverified);
    expect(found.out).toMatch(/secrets +FAILED +admin\.token has mode 0644 → chmod 600/);
    expect(found.out.match(/^policies +FAILED/gm)).toHaveLength(1);
    // What the platform itself knows, status says too.
    await expect.poll(async () => (await aip('status')).out).toMatch(/^policies +FAILED .*broken\.cedar:1:.*→ mend/m);
    expect((await aip('doctor')).out.match(/^policies +FAILED/gm)).toHaveLength(1);
    rmSync(join(platform.folder, 'policies', 'broken.cedar'));
    await expect.poll(async () => (await aip('status')).out).not.toContain('policies');
  });

  it('asks every OAuth issuer of the settings, and says what is wrong with which', async () => {
    await using good = await startTestIssuer();
    await using odd = await startTestIssuer();
    odd.metadata = { issuer: 'https://somebody.else' };
    const algorithms = ['ES256'];
    const issuers = { good: { issuer: good.issuer, algorithms }, odd: { issuer: odd.issuer, algorithms } };
    writeFileSync(join(platform.folder, 'aip.yaml'), JSON.stringify({ identity: { issuers } }));
    const found = await aip('doctor');
    expect(found.code).toBe(EXIT.unverified);
    expect(found.out).toMatch(/^identity\.issuers\.good +ok +http\S+: 1 of 1 keys at \S+\/jwks verify ES256$/m);
    expect(found.out).toMatch(
      /^identity\.issuers\.odd +FAILED .*"https:\/\/somebody\.else", not "http\S+ → set issuer/m,
    );
  });
});

describe(`aip token, status and dashboard ${claim('D-CLI.commands')}`, () => {
  it('make, list and revoke tokens that work until then', async () => {
    const made = (await platform.json('token', 'create', 'ci', '--roles', 'caller', 'viewer', '--expires', '30d')) as {
      id: string;
      token: string;
      roles: string[];
    };
    expect(made.roles).toEqual(['caller', 'viewer']);
    const asCi = () => aip('agent', 'list', '--token', made.token);
    expect((await asCi()).code).toBe(EXIT.ok);
    expect((await aip('kill', 'global', '--token', made.token)).code).toBe(EXIT.denied);
    const list = (await aip('token', 'list')).out;
    expect(list).toMatch(/ci +caller, viewer/);
    expect(list).not.toContain(made.token);
    await aip('token', 'revoke', made.id);
    expect(await asCi()).toMatchObject({ code: EXIT.denied, err: expect.stringContaining('token') });
  });

  it('show what runs, and open the dashboard', async () => {
    expect((await aip('status')).out).toMatch(/Identity +did:key:/);
    expect((await aip('status')).out).toMatch(/\n\nNothing waits for you\.$/);
    // Whatever waits for the operator is said, by doctor too, where it is no fault.
    const did = generateKeyPair().did;
    const knock = platform.core.operate(
      'agents.connect',
      { name: 'stranger' },
      platform.core.as({ kind: 'signed', did }, 'ioap'),
    );
    await expect(knock).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
    await aip('kill', 'server:none');
    const waiting =
      /admissions +waits +1 agent asks to join: stranger → aip agent list --state pending\nstops +waits +1 stop/;
    expect((await aip('status')).out).toMatch(waiting);
    expect(await aip('doctor')).toMatchObject({ code: EXIT.ok, out: expect.stringMatching(waiting) });
    expect(await platform.json('status')).toMatchObject({ waiting: [{ name: 'admissions' }, { name: 'stops' }] });
    expect((await aip('agent', 'list')).out).toMatch(/1 agent asks to join: aip agent list --state pending$/);
    await aip('release', 'server:none');
    const url = (await aip('dashboard')).out;
    expect(url).toMatch(new RegExp(`^${platform.url}/ui#login=`));
    expect(platform.core.core.logins.redeem(url.split('=')[1]!)).toBeDefined();
  });
});
