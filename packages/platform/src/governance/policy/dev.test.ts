import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { DEV_POLICY, openPolicyFolder } from './index.ts';

it('stands beside the starter policy when the folder is made for trying things out, and both are valid', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'aip-dev-'));
  try {
    const folder = path.join(home, 'policies');
    const policies = await openPolicyFolder({ folder, extra: [DEV_POLICY], onChange: () => {} });
    policies.stop();
    expect(readdirSync(folder).toSorted()).toEqual(['dev.cedar', 'starter.cedar']);
    expect(policies.error).toBeUndefined();
    const ids = policies.set?.policies.map(({ reason }) => reason.id);
    expect(ids).toContain('dev-agents-work-together');
    const again = await openPolicyFolder({ folder: path.join(home, 'plain'), onChange: () => {} });
    again.stop();
    expect(again.set?.policies.map(({ reason }) => reason.id)).not.toContain('dev-agents-work-together');
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
