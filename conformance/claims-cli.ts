// `npm run claims`: the registry as a table; `-- --json` as data; `-- --write` as docs/claims.md.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { citations, root } from './citations.ts';
import { claimsDocument } from './claims-document.ts';
import { claims } from './claims.ts';

const { values: flags } = parseArgs({ options: { json: { type: 'boolean' }, write: { type: 'boolean' } } });
const cited = await citations();

if (flags.write === true) {
  await mkdir(path.join(root, 'docs'), { recursive: true });
  await writeFile(path.join(root, 'docs', 'claims.md'), claimsDocument(cited));
} else if (flags.json === true) {
  const rows = claims.map(({ id, status, source }) => ({ id, status, source, tests: cited.get(id) ?? [] }));
  console.log(JSON.stringify(rows, null, 2));
} else {
  const width = Math.max(...claims.map(({ id }) => id.length));
  for (const { id, status, behaviour } of claims) {
    const tests = String(cited.get(id)?.length ?? 0).padStart(3);
    console.log(`${id.padEnd(width)}  ${status.padEnd(7)}  ${tests} tests  ${behaviour}`);
  }
}
