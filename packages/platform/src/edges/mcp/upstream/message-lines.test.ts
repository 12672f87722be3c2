import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { idFromEdges, messageLines } from './message-lines.ts';

function split(chunks: readonly string[], limit: number): { lines: string[]; skipped: (number | undefined)[] } {
  const lines: string[] = [];
  const skipped: (number | undefined)[] = [];
  const reader = messageLines(
    { line: (line) => lines.push(line), oversized: (begin, end) => skipped.push(idFromEdges(begin, end)) },
    limit,
  );
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return { lines, skipped };
}

describe(`lines of an upstream ${claim('P-MCP-GW.limits')}`, () => {
  it('are found wherever the chunks end', () => {
    const text = '{"a":1}\n\n{"b":"ü"}\nrest';
    for (let size = 1; size <= text.length; size++) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
        text.slice(i * size, (i + 1) * size),
      );
      expect(split(chunks, 100).lines).toEqual(['{"a":1}', '{"b":"ü"}']);
    }
  });

  it('that are too long are skipped, with the id of what they answer', () => {
    const long = 'x'.repeat(3_000);
    expect(split([`{"jsonrpc":"2.0","id":7,"result":{"t":"${long}"}}\n{"ok":1}\n`], 1_000)).toEqual({
      lines: ['{"ok":1}'],
      skipped: [7],
    });
    expect(split([`{"result":{"t":"${long}`, long, `"},"jsonrpc":"2.0","id":8}\n`], 1_000)).toEqual({
      lines: [],
      skipped: [8],
    });
    expect(split([long, '\n{"ok":1}\n'], 1_000)).toEqual({ lines: ['{"ok":1}'], skipped: [undefined] });
  });

  it('cost no memory when they never end', () => {
    const reader = messageLines({ line: () => {}, oversized: () => {} }, 1_000);
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 500; i++) reader.push(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 1024 * 1024);
  });
});
