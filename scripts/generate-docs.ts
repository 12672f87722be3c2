// Writes the pages of docs/ that repeat what the code says: `npm run docs`. conformance/docs.test.ts compares, so that
// neither changes without the other. docs/claims.md has a command of its own: `npm run claims -- --write`.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLinePage } from './docs/command-line.ts';
import { configurationPage, configurationSchema } from './docs/configuration.ts';
import { errorsPage } from './docs/errors.ts';
import { operationsPage } from './docs/operations.ts';

export const DOCS = fileURLToPath(new URL('../docs/', import.meta.url));

/** Every generated page by its file name, and how it is made. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'errors.md': errorsPage,
  'configuration.md': configurationPage,
  'aip.schema.json': configurationSchema,
  'operations.md': operationsPage,
  'cli.md': commandLinePage,
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, page] of Object.entries(PAGES)) writeFileSync(path.join(DOCS, name), await page());
