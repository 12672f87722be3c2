import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JsonObject } from '@aip/wire';
import { readApiDocument, type ApiDocument } from './document.ts';

/** For tests: a document read from a file, as every document is. */
export async function testDocument(content: JsonObject): Promise<ApiDocument> {
  const folder = mkdtempSync(join(tmpdir(), 'aip-openapi-'));
  try {
    const file = join(folder, 'api.json');
    writeFileSync(file, JSON.stringify(content));
    return await readApiDocument(pathToFileURL(file).href, fetch, AbortSignal.timeout(10_000));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
