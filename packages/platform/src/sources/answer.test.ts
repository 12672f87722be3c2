import { claim } from '@aip/conformance';
import { expect, test } from 'vitest';
import { toolResultOf } from './answer.ts';

const SECRET = 'k3y/of"the\\operator';
const answer = (text: string) => ({
  status: 200,
  mediaType: 'application/json',
  bytes: Buffer.from(text),
  tooLarge: false,
  secrets: [SECRET],
});
const trimming = { maxItems: 10, maxBytes: 10_000, structured: false };

test.each([
  ['as JSON writes it', JSON.stringify({ seen: `key ${SECRET}` })],
  ['with more escapes than it needs', String.raw`{"seen":"key k3\u0079\/of\"the\\operator"}`],
])(`a secret that an API repeats %s is not told ${claim('P-MCP-GW.sources-secrets')}`, (_, text) => {
  expect(toolResultOf(answer(text), trimming)).toMatchObject({ structuredContent: { seen: 'key [secret]' } });
});
