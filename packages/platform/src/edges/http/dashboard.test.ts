import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestEdge, type TestEdge } from './testing.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'aip-dashboard-'));
beforeAll(() => {
  mkdirSync(path.join(folder, 'dist', 'assets'), { recursive: true });
  writeFileSync(path.join(folder, 'dist', 'index.html'), '<!doctype html><title>AIP</title>');
  writeFileSync(path.join(folder, 'dist', 'assets', 'main.js'), 'export {};');
  writeFileSync(path.join(folder, 'dist', '.hidden.js'), 'hidden');
  writeFileSync(path.join(folder, 'secret.js'), 'secret');
});
afterAll(() => rmSync(folder, { recursive: true }));

let edge: TestEdge;
const codes = new Set<string>();
let ended: string[];
beforeEach(async () => {
  codes.add('once');
  ended = [];
  edge = await createTestEdge({
    http: {
      dashboard: path.join(folder, 'dist'),
      login: (code) => (codes.delete(code) ? 'alice' : undefined),
      logout: (token) => void ended.push(token),
    },
  });
});
afterEach(() => edge[Symbol.asyncDispose]());

describe('the dashboard', () => {
  it.each(['/ui', '/ui/', '/ui/agents', '/ui/tasks/0192'])(
    'is one page at %s, with a strict content policy',
    async (url) => {
      const answer = await edge.app.inject(url);
      expect([answer.statusCode, answer.body, answer.headers['cache-control']]).toEqual([
        200,
        '<!doctype html><title>AIP</title>',
        'no-cache',
      ]);
      const policy = String(answer.headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
    },
  );

  it('has files that never change under their name', async () => {
    const answer = await edge.app.inject('/ui/assets/main.js');
    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect(answer.headers['content-type']).toContain('javascript');
  });

  it.each([
    '/ui/assets/none.js',
    '/ui/../secret.js',
    '/ui/%2e%2e/secret.js',
    '/ui/..%2fsecret.js',
    '/ui/.hidden.js',
    '/ui/assets/%00.js',
  ])('has no file at %s', async (url) => {
    const answer = await edge.app.inject(url);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode).toBeLessThan(500);
    expect(answer.json().error.code).toMatch(/NOT_FOUND|MALFORMED_MESSAGE|PERMISSION_DENIED/);
    expect(answer.body).not.toMatch(/^secret|^hidden/);
  });

  it('is where / leads', async () => {
    const answer = await edge.app.inject('/');
    expect([answer.statusCode, answer.headers.location]).toEqual([302, '/ui']);
  });

  it('says how to build it when it is not there', async () => {
    await using bare = await createTestEdge();
    const answer = await bare.app.inject('/ui');
    expect([answer.statusCode, answer.json().error.message]).toEqual([
      404,
      expect.stringContaining('npm run dashboard'),
    ]);
  });
});

const own = { host: 'localhost:8000', origin: 'http://localhost:8000', 'x-aip': '1' };
const login = (code: string, headers: Record<string, string> = own) =>
  edge.app.inject({ method: 'POST', url: '/v1/login', payload: { code }, headers });
const count = (headers: Record<string, string>) =>
  edge.app.inject({ method: 'POST', url: '/v1/samples/count', payload: {}, headers });

describe(`a login ${claim('T-DASH.login')}`, () => {
  it('trades the code for a cookie that scripts and other sites cannot use, once', async () => {
    const answer = await login('once');
    expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([
      204,
      'aip_session_8000=alice; Path=/; HttpOnly; SameSite=Strict',
    ]);
    const again = await login('once');
    expect([again.statusCode, again.json().error.code, again.headers['set-cookie']]).toEqual([
      401,
      'UNAUTHENTICATED',
      undefined,
    ]);
  });

  it.each([
    { ...own, 'x-aip': '' },
    { ...own, origin: 'http://localhost:9999' },
    { host: own.host, 'x-aip': '1' },
  ])('is taken from the dashboard only, not with %j', async (headers) => {
    expect((await login('once', headers)).json().error.code).toBe('FORBIDDEN_ORIGIN');
    expect(codes.has('once')).toBe(true);
  });
});

describe(`a session cookie ${claim('T-DASH.login')}`, () => {
  const cookie = 'other=1; aip_session_8000=alice';

  it('is a credential for reads and, from our own script, for writes', async () => {
    const read = await edge.app.inject({ url: '/v1/samples/echo?text=x', headers: { host: own.host, cookie } });
    expect(read.json()).toEqual({ text: 'x' });
    expect((await count({ ...own, cookie })).json().by).toBe('service:alice');
  });

  it.each([
    ['without the header of our script', { host: own.host, origin: own.origin }],
    ['from a page of another port', { ...own, origin: 'http://localhost:3000' }],
    ['without an Origin', { host: own.host, 'x-aip': '1' }],
  ])('does not write %s', async (_, headers) => {
    const answer = await count({ ...headers, cookie });
    expect([answer.statusCode, answer.json().error.code]).toEqual([403, 'FORBIDDEN_ORIGIN']);
  });

  it('is not taken when the browser says that another site asks, nor for another port', async () => {
    expect((await count({ ...own, cookie, 'sec-fetch-site': 'same-site' })).json().by).toBe('anonymous');
    expect((await count({ ...own, host: 'localhost:9000', origin: 'http://localhost:9000', cookie })).json().by).toBe(
      'anonymous',
    );
  });

  it('ends with a logout, which is taken from the dashboard only', async () => {
    const logout = (headers: Record<string, string>) =>
      edge.app.inject({ method: 'POST', url: '/v1/logout', headers: { ...headers, cookie } });
    expect((await logout({ ...own, origin: 'http://localhost:9999' })).json().error.code).toBe('FORBIDDEN_ORIGIN');
    expect(ended).toEqual([]);
    const answer = await logout(own);
    expect([answer.statusCode, answer.headers['set-cookie'], ended]).toEqual([
      204,
      'aip_session_8000=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0',
      ['alice'],
    ]);
  });

  it('is for TLS only where browsers come over TLS', async () => {
    await using secure = await createTestEdge({ http: { login: () => 'alice', isSecure: true } });
    const [login, logout] = await Promise.all(
      ['login', 'logout'].map((name) =>
        secure.app.inject({ method: 'POST', url: `/v1/${name}`, payload: { code: 'x' }, headers: own }),
      ),
    );
    expect(login!.headers['set-cookie']).toBe('aip_session_8000=alice; Path=/; HttpOnly; SameSite=Strict; Secure');
    expect(logout!.headers['set-cookie']).toMatch(/; Secure; Max-Age=0$/);
  });

  it('gives way to a bearer token, which needs no header', async () => {
    expect((await count({ host: own.host, cookie, authorization: 'Bearer bob' })).json().by).toBe('service:bob');
  });
});
