import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { AipError, fromBase64Url, isJsonObject, toBase64Url, type Json, type JsonObject } from '@aip/wire';
import type { AuditEntry, LogSource } from './source.ts';

/**
 * An export is JSON Lines: a header, one line an entry, one a checkpoint, and a last line with the SHA-256 of
 * everything before it. It is verified without the platform, by whoever has it.
 */
const FORMAT = 'aip-log-v1';

/** Writes a log to a file that must not exist yet. Returns the number of entries. */
export function exportLog(source: LogSource, file: string, now: number): number {
  const out = openSync(file, 'wx', 0o600);
  const hash = createHash('sha256');
  const write = (value: JsonObject): void => {
    const line = `${JSON.stringify(value)}\n`;
    hash.update(line);
    writeSync(out, line);
  };
  let entries = 0;
  try {
    write({ format: FORMAT, tenant: source.tenant, gateway: source.gateway, exported_at: new Date(now).toISOString() });
    for (const entry of source.entries()) {
      write(entryLine(entry));
      entries++;
    }
    for (const { size, note } of source.checkpoints()) write({ checkpoint: { size, note } });
    writeSync(out, `${JSON.stringify({ end: { entries, sha256: hash.digest('base64url') } })}\n`);
  } finally {
    closeSync(out);
  }
  return entries;
}

function entryLine({ seq, text, leaf, body, salt }: AuditEntry): JsonObject {
  return {
    seq,
    text,
    leaf: toBase64Url(leaf),
    ...(body === undefined ? {} : { body }),
    ...(salt === undefined ? {} : { salt: toBase64Url(salt) }),
  };
}

/** Reads an export. Throws MALFORMED_MESSAGE when it is none; what is wrong inside is found by verification. */
export async function readExport(file: string): Promise<LogSource> {
  const entries: AuditEntry[] = [];
  const checkpoints: { size: number; note: string }[] = [];
  const problems: string[] = [];
  const hash = createHash('sha256');
  let header: JsonObject | undefined;
  let ended = false;
  let number = 0;

  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: 0 })) {
    number++;
    const value = parseLine(line);
    if (ended) problems.push(`line ${number} stands after the end of the export`);
    const end = value?.['end'];
    if (isJsonObject(end)) {
      ended = true;
      if (end['sha256'] !== hash.digest('base64url'))
        problems.push('the file is not as it was exported: its bytes do not fit the digest in its last line');
      if (end['entries'] !== entries.length)
        problems.push(`the export announces ${JSON.stringify(end['entries'])} entries and holds ${entries.length}`);
      continue;
    }
    if (!ended) hash.update(`${line}\n`);
    if (number === 1) header = value;
    else if (!value) problems.push(`line ${number} (entry ${entries.length}) cannot be read`);
    else if (isJsonObject(value['checkpoint']))
      checkpoints.push(value['checkpoint'] as unknown as { size: number; note: string });
    else addEntry(value, entries, number, problems);
  }
  if (header?.['format'] !== FORMAT || typeof header['tenant'] !== 'string' || typeof header['gateway'] !== 'string')
    throw new AipError('MALFORMED_MESSAGE', `${file} is not an export of an AIP log; "aip audit export" writes one.`);
  if (!ended) problems.push('the export has been cut off: its last line is missing');
  return {
    tenant: header['tenant'],
    gateway: header['gateway'],
    entries: () => entries,
    checkpoints: () => checkpoints,
    problems: () => problems,
  };
}

function addEntry(value: JsonObject, entries: AuditEntry[], line: number, problems: string[]): void {
  const { seq, text, leaf, body, salt } = value;
  try {
    if (typeof seq !== 'number' || typeof text !== 'string' || typeof leaf !== 'string')
      throw new TypeError('seq, text or leaf is missing');
    entries.push({
      seq,
      text,
      leaf: fromBase64Url(leaf),
      ...(typeof body === 'string' ? { body } : {}),
      ...(typeof salt === 'string' ? { salt: fromBase64Url(salt) } : {}),
    });
  } catch (error) {
    problems.push(`line ${line} (entry ${entries.length}) is not an entry: ${(error as Error).message}`);
  }
}

function parseLine(line: string): JsonObject | undefined {
  try {
    const value = JSON.parse(line) as Json;
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
