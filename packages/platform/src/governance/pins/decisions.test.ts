import { describe, expect, test } from 'vitest';
import { until } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder } from '../../main/testing.ts';
import { tool, offer, open, call, refusal, pins, state, findings, settled } from './testing.ts';

describe('an operator', () => {
  test('rejects a tool, whatever it becomes, until it is pinned', async () => {
    using folder = temporaryFolder();
    {
      await using core = await open(folder.path);
      offer(core, 'files', tool('read'));
      await settled(core, 1);
      await core.operate('mcp.reject', { server: 'files', tool: 'read' });
      expect(await call(core, 'tool:files/read')).toBe('QUARANTINED');
      expect(await refusal(core, 'tool:files/read')).toMatch(/was rejected by an operator/);
    }
    await using core = await open(folder.path);
    offer(core, 'files', tool('read', { description: 'Better now.' }));
    expect(await call(core, 'tool:files/read')).toBe('QUARANTINED');
    expect(await findings(core, 'read')).toEqual(['rejected']);
    await core.operate('mcp.pin', { server: 'files', tool: 'read' });
    expect(await call(core, 'tool:files/read')).toBe('done');
  });

  test.for(['warn', 'off'] as const)('rejects a tool also where pins are "%s"', async (mode) => {
    using folder = temporaryFolder();
    {
      await using core = await open(folder.path, mode);
      offer(core, 'files', tool('read'), tool('write'));
      if (mode === 'warn') await settled(core, 2);
      await core.operate('mcp.reject', { server: 'files', tool: 'read' });
      expect(await call(core, 'tool:files/read')).toBe('QUARANTINED');
    }
    await using core = await open(folder.path, mode);
    offer(core, 'files', tool('read', { description: 'Better now.' }), tool('write', { description: 'Better now.' }));
    expect(await call(core, 'tool:files/read')).toBe('QUARANTINED');
    expect(await state(core, 'read')).toBe('rejected');
    expect(await call(core, 'tool:files/write')).toBe('done');
    await core.operate('mcp.pin', { server: 'files', tool: 'read' });
    expect(await call(core, 'tool:files/read')).toBe('done');
  });

  test('agrees once: to what is pinned already nothing is added, to what was seen in between it is', async () => {
    using folder = temporaryFolder();
    await using core = await open(folder.path);
    const agree = () => core.operate('mcp.pin', { server: 'files', tool: 'read' });
    offer(core, 'files', tool('read'));
    await settled(core, 1);
    expect(await agree()).toEqual({ server: 'files', pinned: [], remaining: 0 });
    expect(core.entries(['mcp.pin'])).toHaveLength(1);
    offer(core, 'files', tool('read', { title: 'v2' }));
    expect(await agree()).toMatchObject({ pinned: [{ tool: 'read' }] });
    expect(await agree()).toEqual({ server: 'files', pinned: [], remaining: 0 });
  });

  test('forgets a tool or a server, which is trusted on first sight again', async () => {
    using folder = temporaryFolder();
    await using core = await open(folder.path);
    offer(core, 'files', tool('read'), tool('write'));
    await settled(core, 2);
    offer(core, 'files', tool('read', { title: 'v2' }), tool('write', { title: 'v2' }));
    expect(await core.operate('mcp.unpin', { server: 'files' })).toEqual({ server: 'files', tools: ['read', 'write'] });
    await until(async () => (await pins(core)).every((view) => view.state === 'pinned'));
    expect(await call(core, 'tool:files/read')).toBe('done');
    // One that works goes on working, and is pinned at once.
    const before = core.entries(['mcp.pin']).length;
    await core.operate('mcp.unpin', { server: 'files', tool: 'read' });
    await until(() => core.entries(['mcp.pin']).length === before + 1);
    await expect(core.operate('mcp.unpin', { server: 'other' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(core.operate('mcp.reject', { server: 'files', tool: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(core.operate('mcp.pin', { server: 'files', tool: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('is told that there is no such server', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path, {
      pinning: (server) => (server === 'empty' ? 'enforce' : undefined),
    });
    for (const name of ['mcp.pin', 'mcp.pins'])
      await expect(core.operate(name, { server: 'nope' })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('There is no MCP server "nope"'),
      });
    expect(await core.operate('mcp.pins', { server: 'empty' })).toEqual({ tools: [] });
  });

  test('is the only one who decides', async () => {
    using folder = temporaryFolder();
    await using core = await open(folder.path);
    offer(core, 'files', tool('read'));
    const caller = await core.service('alice', 'caller', 'operator');
    for (const name of ['mcp.pin', 'mcp.reject', 'mcp.unpin'])
      await expect(core.operate(name, { server: 'files', tool: 'read' }, caller)).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
      });
  });
});
