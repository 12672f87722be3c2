import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { logLine } from './log-lines.ts';
import { styleFor } from './table.ts';

const time = new Date(2026, 10, 21, 9, 5, 7).getTime();
const plain = logLine(styleFor(false, {}));

describe(`a line of the log for people ${claim('D-CLI.log')}`, () => {
  it('has time, level, what happened, and the facts about it', () => {
    expect(plain({ level: 30, time, msg: 'ready', url: 'http://127.0.0.1:8000', tools: 3 })).toBe(
      '09:05:07  info   ready  url=http://127.0.0.1:8000 tools=3',
    );
    expect(plain({ level: 40, time, msg: 'slow', error: 'it has "gone"' })).toBe(
      '09:05:07  WARN   slow  error="it has \\"gone\\""',
    );
    expect(plain({ level: 50, time, msg: 'broken' })).toBe('09:05:07  ERROR  broken');
  });

  it('has the errors of a policy, and when a server is tried again, in words', () => {
    expect(plain({ level: 40, time, msg: 'offline', server: 'files', retryInMs: 1339 })).toBe(
      '09:05:07  WARN   offline  server=files again in 1.3 s',
    );
    expect(plain({ level: 50, time, msg: 'invalid: team.cedar:1:2', errors: [{ file: 'team.cedar', line: 1 }] })).toBe(
      '09:05:07  ERROR  invalid: team.cedar:1:2',
    );
  });

  it('shortens DIDs, and lets no text of others move the cursor', () => {
    const did = 'did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH';
    expect(plain({ level: 30, time, msg: 'a\u001b[2Jb\nc', did, line: 'x\u001b[31my\nz' })).toBe(
      '09:05:07  info   ab c  did=did:key:z6MkpTHR…sdvktH line="xy z"',
    );
  });

  it('cuts what is too long for a line', () => {
    const line = plain({ level: 30, time, msg: 'm'.repeat(1e6), text: 'x'.repeat(1e6), list: Array(1e5).fill('y') });
    expect(line.length).toBeLessThan(3_100);
    expect(line).toMatch(/m…  text=x+… list=\["y",.*…$/);
  });

  it('makes warnings and errors stand out where there are colours', () => {
    const coloured = logLine(styleFor(true, {}));
    expect(coloured({ level: 50, time, msg: 'broken' })).toContain('\u001b[31mbroken');
    expect(coloured({ level: 40, time, msg: 'slow' })).toContain('\u001b[33mslow');
    expect(logLine(styleFor(true, { NO_COLOR: '1' }))({ level: 50, time, msg: 'broken' })).not.toContain('\u001b');
  });
});
