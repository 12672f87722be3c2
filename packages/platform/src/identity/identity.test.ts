import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import { generateKeyPair, makeToken, type JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { everyByte, openTestCore, temporaryFolder, toolCall, type TestCore } from '../main/testing.ts';
import { ADMIN } from './authenticate.ts';
import { createLogins } from './login.ts';
import { ADMIN_TOKEN_FILE, openSecrets } from './secrets.ts';

type Made = { id: string; token: string; name: string; roles: string[] };

const make = (core: TestCore, input: JsonObject = {}) => core.operate<Made>('tokens.create', { name: 'bob', ...input });
const bearer = (core: TestCore, token: string) => core.exchange.authenticate({ kind: 'bearer', token });

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A well-formed token of this id, with a secret of its own. */
function tokenOf(id: string): string {
  const number = Array.from(id).reduce((sum, digit) => sum * 62n + BigInt(DIGITS.indexOf(digit)), 0n);
  const bytes = Buffer.from(number.toString(16).padStart(16, '0'), 'hex');
  return makeToken('key', (count) => (count === bytes.length ? bytes : crypto.getRandomValues(new Uint8Array(count))))
    .token;
}

describe('an API token', () => {
  test(`makes its bearer the service of its name, in its roles, across restarts ${claim('I-AUTH.token')}`, async () => {
    using folder = temporaryFolder();
    let token: string;
    {
      await using core = await openTestCore(folder.path);
      ({ token } = await make(core, { roles: ['operator', 'viewer'] }));
      expect(bearer(core, token)).toEqual({
        id: 'service:bob',
        kind: 'service',
        name: 'bob',
        tenant: 'default',
        assurance: 'token',
        roles: ['operator', 'viewer'],
        token: expect.any(String),
      });
    }
    await using core = await openTestCore(folder.path);
    expect(bearer(core, token)).toMatchObject({ id: 'service:bob', roles: ['operator', 'viewer'] });
  });

  test(`opens nothing once it is revoked, at once and after a restart ${claim('I-AUTH.token')}`, async () => {
    using folder = temporaryFolder();
    let token: string;
    {
      await using core = await openTestCore(folder.path);
      const made = await make(core);
      token = made.token;
      await core.operate('tokens.revoke', { id: made.id });
      expect(() => bearer(core, token)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
      await expect(core.operate('tokens.revoke', { id: made.id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await core.operate('tokens.list')).toEqual({ tokens: [] });
    }
    await using core = await openTestCore(folder.path);
    expect(() => bearer(core, token)).toThrow(/unknown, revoked or expired/);
  });

  test(`opens nothing once it has expired ${claim('I-AUTH.token')}`, async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const { token } = await make(core, { expires_in: 1 });
    expect(bearer(core, token)).toMatchObject({ id: 'service:bob' });
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(() => bearer(core, token)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
  });

  test('that does not work because it could not be recorded was never made', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const emptyDisk = core.fillDisk();
    await expect(make(core)).rejects.toMatchObject({ code: 'DISK_FULL' });
    emptyDisk();
    expect(await core.operate('tokens.list')).toEqual({ tokens: [] });
  });

  test.for([
    ['nothing', () => ''],
    ['a word', () => 'hello'],
    ['one of another platform', () => makeToken('key').token],
    ['an admin token of another platform', () => makeToken('admin').token],
    ['one with another secret', ({ id }: Made) => tokenOf(id)],
    ['one that is cut off', ({ token }: Made) => token.slice(0, -1)],
    ['one with something behind it', ({ token }: Made) => `${token} `],
    ['its id alone', ({ id }: Made) => id],
  ] as const)(`that is %s opens nothing ${claim('I-AUTH.token')}`, async ([, forge]) => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const made = await make(core);
    const forged = forge(made);
    expect(() => bearer(core, forged)).toThrow(
      expect.objectContaining({
        code: 'UNAUTHENTICATED',
        message: expect.not.stringContaining(forged === '' ? '\0' : forged),
      }),
    );
  });

  test('may stand for an agent, which still has to be admitted', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const scout = await core.agent('scout', { roles: ['caller'] });
    const own = await make(core, { agent: scout.did, roles: ['operator'] });
    // It is the agent, with the agent's roles: the token does not add any.
    expect(bearer(core, own.token)).toEqual({
      id: scout.did,
      kind: 'agent',
      name: 'scout',
      tenant: 'default',
      assurance: 'token',
      roles: ['caller'],
      token: own.id,
    });
    const unknown = await make(core, { agent: generateKeyPair().did });
    await expect(make(core, { agent: 'did:key:z6Mkfoo' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(
      core.operate('agents.list', {}, core.as({ kind: 'bearer', token: unknown.token })),
    ).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  });

  test('never makes an administrator', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    await expect(make(core, { roles: ['admin'] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const caller = await core.service('alice', 'caller', 'operator');
    await expect(core.operate('tokens.create', { name: 'eve' }, caller)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
  });

  test(`is shown once: no file and no list holds its secret ${claim('I-AUTH.secrets')}`, async () => {
    using folder = temporaryFolder();
    const secrets: string[] = [];
    {
      await using core = await openTestCore(folder.path);
      core.tool('write');
      const { token } = await make(core, { roles: ['caller'] });
      const { join_token } = await core.operate<{ join_token: string }>('agents.invite');
      const { code } = await core.operate<{ code: string }>('logins.create');
      const session = core.core.logins.redeem(code)!;
      secrets.push(
        token.split('_')[3]!,
        join_token.split('_')[3]!,
        code,
        session,
        core.core.secrets.adminToken.split('_')[3]!,
      );
      await core.operate('agents.connect', { join_token }, core.as({ kind: 'signed', did: 'did:key:z6MkscoutAAAA' }));
      // A token in the wrong place, too, as people do.
      await core
        .operate('agents.connect', { join_token: token }, core.as({ kind: 'signed', did: 'did:key:z6MkotherBBBB' }))
        .catch(() => {});
      const call = await core.exchange.send(core.as({ kind: 'bearer', token }), toolCall('write'));
      call.cancel('caller');
      expect(JSON.stringify(await core.operate('tokens.list'))).not.toContain(secrets[0]);
      expect(JSON.stringify(await core.operate('tasks.list'))).not.toContain(secrets[0]);
      const tasks = core.entries(['accept']).map((entry) => entry.task!);
      for (const task of tasks) {
        const shown = JSON.stringify(await core.operate('tasks.get', { task }));
        for (const secret of secrets) expect(shown).not.toContain(secret);
      }
    }
    const bytes = everyByte(folder.path);
    expect(bytes).toContain('service:bob');
    for (const secret of secrets) expect(bytes).not.toContain(secret);
  });
});

describe('the administrator', () => {
  test(`has the token of the setting, else the one in the data folder ${claim('I-AUTH.secrets')}`, async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, ADMIN_TOKEN_FILE);
    const first = openSecrets(folder.path, undefined, false);
    expect(readFileSync(file, 'utf8').trim()).toBe(first.adminToken);
    expect(openSecrets(folder.path, undefined, false).adminToken).toBe(first.adminToken);
    expect(openSecrets(folder.path, 'a token of my own', false).adminToken).toBe('a token of my own');
    expect(readFileSync(file, 'utf8').trim()).toBe('a token of my own');
  });

  test('opens the dashboard by a code that works once, for a while', () => {
    let now = 0;
    const logins = createLogins(() => now);
    const code = logins.issueCode(ADMIN);
    const session = logins.redeem(code)!;
    expect(logins.holder(session)).toBe(ADMIN);
    expect(logins.redeem(code)).toBeUndefined();
    expect(logins.redeem('made up')).toBeUndefined();
    expect(logins.holder('aip_session_made-up')).toBeUndefined();
    const late = logins.issueCode(ADMIN);
    now += 15 * 60_000;
    expect(logins.redeem(late)).toBeUndefined();
    now += 12 * 3_600_000;
    expect(logins.holder(session)).toBeUndefined();
  });

  test('has twenty dashboard sessions and open codes, and nobody else’s login costs one; the oldest goes first', () => {
    const logins = createLogins(() => 0);
    const holder = (id: string) => ({ ...ADMIN, id });
    const open = (whose = ADMIN): string => logins.redeem(logins.issueCode(whose))!;
    const live = (sessions: string[]): boolean[] => sessions.map((session) => logins.holder(session) !== undefined);
    const own = Array.from({ length: 2 }, () => open());
    const code = logins.issueCode(ADMIN);
    for (let n = 0; n < 1_050; n++) open(holder('service:viewer'));
    for (let n = 0; n < 1_050; n++) logins.issueCode(holder('service:viewer'));
    const more = [...own, logins.redeem(code)!, ...Array.from({ length: 18 }, () => open())];
    expect(live(more)).toEqual([false, ...Array.from({ length: 20 }, () => true)]);
    // However many others there are: room is made where there is most.
    const few = open(holder('service:few'));
    for (let n = 0; n < 1_200; n++) open(holder(`service:${n % 60}`));
    expect(live([few])).toEqual([true]);
  });

  test('that has expired takes no room', () => {
    let now = 0;
    const logins = createLogins(() => now);
    const open = (id: string): string => logins.redeem(logins.issueCode({ ...ADMIN, id }))!;
    for (let n = 0; n < 998; n++) open(`service:${n}`);
    now = 12 * 3_600_000;
    const own = Array.from({ length: 3 }, () => open('service:alice'));
    for (let n = 0; n < 10; n++) open(`service:b${n}`);
    expect(own.filter((session) => logins.holder(session) === undefined)).toEqual([]);
  });

  test('has no session any more once it has logged out', () => {
    const logins = createLogins(() => 0);
    const [left, stays] = [logins.redeem(logins.issueCode(ADMIN))!, logins.redeem(logins.issueCode(ADMIN))!];
    logins.end(left);
    expect([logins.holder(left), logins.holder(stays)]).toEqual([undefined, ADMIN]);
  });

  test('is known by a dashboard session until it ends', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    const { code } = await core.operate<{ code: string }>('logins.create');
    const session = core.core.logins.redeem(code)!;
    expect(bearer(core, session)).toMatchObject({ id: 'user:admin', roles: ['admin'] });
    expect(() => bearer(core, `${session}x`)).toThrow(/session has ended/);
  });
});

describe(`operators and viewers ${claim('T-DASH.login')}`, () => {
  test('open the dashboard as who they are, for as long as their token is good', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    for (const role of ['operator', 'viewer']) {
      const made = await make(core, { roles: [role] });
      const whose = core.as({ kind: 'bearer', token: made.token });
      const { code } = await core.operate<{ code: string }>('logins.create', {}, whose);
      const session = core.core.logins.redeem(code)!;
      expect(bearer(core, session)).toEqual(bearer(core, made.token));
      expect(bearer(core, session)).toMatchObject({ kind: 'service', roles: [role] });
      // From within a session, too: another window for the same person.
      const again = core.as({ kind: 'bearer', token: session });
      expect(await core.operate('logins.create', {}, again)).toMatchObject({ code: expect.any(String) });
      await core.operate('tokens.revoke', { id: made.id });
      expect(() => bearer(core, session)).toThrow(/session has ended/);
    }
  });

  test('are out when their token expires', async () => {
    const until = 1_000;
    let now = 0;
    const logins = createLogins(() => now);
    const session = logins.redeem(logins.issueCode(ADMIN, until))!;
    now = until - 1;
    expect(logins.holder(session)).toBe(ADMIN);
    now = until;
    expect(logins.holder(session)).toBeUndefined();
  });

  test('are the only ones: callers may not, and agents cannot whatever the policies say', async () => {
    using folder = temporaryFolder();
    const policies = {
      'all.cedar':
        'permit (principal is Agent, action, resource);\npermit (principal in Role::"admin", action, resource);',
    };
    await using core = await openTestCore(folder.path, { policies });
    const caller = await core.service('alice', 'caller');
    await expect(core.operate('logins.create', {}, caller)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const { session } = await core.agent('scout');
    await expect(core.operate('logins.create', {}, session)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });
});

describe('the secrets of a data folder', () => {
  test(`are readable by their owner alone ${claim('I-AUTH.secrets')}`, () => {
    using folder = temporaryFolder();
    openSecrets(join(folder.path, 'data'), undefined, false);
    expect(statSync(join(folder.path, 'data')).mode & 0o777).toBe(0o700);
    for (const name of ['gateway.key', 'pepper.key', ADMIN_TOKEN_FILE])
      expect(statSync(join(folder.path, 'data', name)).mode & 0o777).toBe(0o600);
  });

  test.for([
    ['gateway.key', ''],
    ['gateway.key', 'not a key'],
    ['pepper.key', ''],
    ['pepper.key', 'short'],
    ['admin.token', ''],
    ['admin.token', 'short'],
  ] as const)('that are damaged stop the start, by name: %s holds "%s"', ([name, content]) => {
    using folder = temporaryFolder();
    openSecrets(folder.path, undefined, false);
    writeFileSync(join(folder.path, name), content);
    expect(() => openSecrets(folder.path, undefined, false)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(name) }),
    );
  });

  test.for(['gateway.key', 'pepper.key', 'admin.token'])(
    'that cannot be read stop the start, by name: %s is a folder',
    (name) => {
      using folder = temporaryFolder();
      openSecrets(folder.path, undefined, false);
      rmSync(join(folder.path, name));
      mkdirSync(join(folder.path, name));
      expect(() => openSecrets(folder.path, undefined, false)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(name) }),
      );
    },
  );
});
