import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import type { Login } from './login.ts';
import { createLogins } from './logins.ts';

const login = (owner: string, n: number): Login =>
  ({
    server: 'box',
    account: { tenant: 'default', owner },
    state: `${owner}-${n}`,
    finish: async () => {},
  }) as unknown as Login;

describe(`logins that a browser has to finish ${claim('G-GUARD.shares')}`, () => {
  it('are lost to nobody but to who begins too many', async () => {
    const logins = createLogins(() => 0);
    logins.keep(login('bob', 0));
    for (let n = 0; n < 2_000; n++) logins.keep(login('mallory', n));
    const finish = (state: string) => logins.finish(new URLSearchParams({ state, code: 'x' }));
    await expect(finish('bob-0')).resolves.toMatchObject({ server: 'box' });
    await expect(finish('mallory-0')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(finish('mallory-1999')).resolves.toMatchObject({ server: 'box' });
  });
});
