import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestEdge, type TestEdge } from './testing.ts';

let edge: TestEdge;
let unready: string | undefined;
const at = Date.UTC(2026, 0, 12, 6, 20, 30, 123);
beforeEach(async () => {
  edge = await createTestEdge({
    server: { hosts: ['aip.example.com'] },
    http: {
      version: '1.2.3',
      unready: () => unready,
      connectedAgents: () => [{ did: 'did:key:z6MkA', connected: at, active: at + 5_000 }],
    },
  });
});
afterEach(() => edge[Symbol.asyncDispose]());

describe('what monitors ask', () => {
  it('is answered without a token', async () => {
    expect((await edge.app.inject('/healthz')).json()).toEqual({ status: 'ok' });
    expect((await edge.app.inject('/version')).json()).toEqual({ name: 'aip', version: '1.2.3' });
    expect((await edge.app.inject('/readyz')).statusCode).toBe(200);
    unready = 'It is starting.';
    const refused = await edge.app.inject('/readyz');
    expect([refused.statusCode, refused.json()]).toEqual([503, { status: 'not ready', reason: 'It is starting.' }]);
    unready = undefined;
  });

  it(`has metrics in the Prometheus text format ${claim('T-METRICS.endpoint')}`, async () => {
    const answer = await edge.app.inject('/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.body).toMatch(/^aip_messages_total 1$/m);
  });

  it(`has the status and the agents as the seed shows them ${claim('P-IOAP.status')}`, async () => {
    expect((await edge.app.inject('/health')).json()).toEqual({
      status: 'healthy',
      connected_agents: 1,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      did: 'did:key:z6MkGateway',
    });
    expect((await edge.app.inject('/agents')).json()).toEqual({
      agents: [
        { did: 'did:key:z6MkA', connected_at: '2026-01-12T06:20:30.123Z', last_activity: '2026-01-12T06:20:35.123Z' },
      ],
      count: 1,
    });
  });

  it.each(['/metrics', '/health', '/agents'])(
    `needs a token at %s from another machine, or through a proxy ${claim('T-METRICS.endpoint')}`,
    async (url) => {
      for (const from of [{ remoteAddress: '192.0.2.7' }, { headers: { host: 'aip.example.com' } }]) {
        const refused = await edge.app.inject({ url, ...from });
        expect([refused.statusCode, refused.json().error.code]).toEqual([401, 'UNAUTHENTICATED']);
        const known = await edge.app.inject({
          url,
          ...from,
          headers: { ...from.headers, authorization: 'Bearer alice' },
        });
        expect(known.statusCode).toBe(200);
      }
    },
  );
});
