import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { withEntry } from './settings-file.ts';

const ENTRY = { command: 'node', args: ['server.js'] };
const add = (text: string): string => withEntry(text, ['mcp', 'servers', 'new'], ENTRY);

/** What was put in; fails when anything else has changed. */
function insertion(before: string, after: string): string {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  const added = after.length - before.length;
  expect(after.slice(0, start) + after.slice(start + added)).toBe(before);
  return after.slice(start, start + added);
}

describe(`an entry that a command puts into aip.yaml ${claim('D-CLI.mcp')}`, () => {
  it('stands after its siblings; nothing else moves, no comment, no space, no quote', () => {
    const text = `# mine
port:    9000   # odd, but mine

mcp:
    # what we run
    servers:
        files: { command: npx, args: ["-y", '@modelcontextprotocol/server-filesystem', ./a/rather/long/folder/name/to/be/wrapped] }   # inline
        notes:
            command: |-
                one
                two
        # weather: not yet

    # for the front desk
    virtual: {}
log_level:   "warn"
# the end`;
    const after = add(text);
    expect(after).toContain(
      '                two\n        new:\n          command: node\n          args:\n            - server.js\n        # weather: not yet\n',
    );
    insertion(text, after);
    expect(parse(after)).toEqual({
      ...(parse(text) as object),
      mcp: { servers: { ...(parse(text) as typeof SHAPE).mcp.servers, new: ENTRY }, virtual: {} },
    });
  });

  it.each([
    ['nothing', ''],
    ['comments', '# mine\n# all of it\n'],
    ['a beginning of a document', '---\n'],
    ['other settings, without a last line end', 'port: 9000 # mine'],
    ['other settings of MCP', 'mcp:\n  # many\n  search_above: 40   # tools\nport:   1\n'],
    ['an empty key', 'mcp:   # soon\nport:   1\n'],
    ['an empty list of servers', 'mcp:\n  servers:   # none yet\n  virtual:   {}\n'],
    ['braces', 'mcp: {   servers: { files: { command: npx }   } } # mine\nport:   1\n'],
    ['empty braces', 'mcp:\n  servers: {}   # none yet\nport:   1\n'],
    [
      'lines that end as on Windows',
      'port:   1 # mine\r\nmcp:\r\n  servers:\r\n    a: { command:   x }\r\nlog_level:   warn\r\n',
    ],
  ])('goes where there is %s, and only there', (_what, text) => {
    const after = add(text);
    expect(insertion(text, after)).toContain('server.js');
    // Every line of the file ends as the others do.
    if (text.includes('\r\n')) expect(after).not.toMatch(/[^\r]\n/);
    expect(parse(after)).toMatchObject({ mcp: { servers: { new: ENTRY } } });
  });

  it('is right too where it cannot be put between the lines', () => {
    const text = '# mine\nmcp: null # later\n';
    expect(parse(add(text))).toEqual({ mcp: { servers: { new: ENTRY } } });
    expect(add(text)).toContain('# mine');
    expect(parse(add('port: 1\n...\n'))).toEqual({ port: 1, mcp: { servers: { new: ENTRY } } });
  });

  it('is refused where its place is taken, and where there are no settings', () => {
    expect(() => add('mcp: { servers: { new: {} } }')).toThrow('mcp.servers.new already');
    expect(() => add('mcp: [1]\n')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => add('mcp: { servers\n')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => add('mcp: 5\n')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

declare const SHAPE: { mcp: { servers: object } };
