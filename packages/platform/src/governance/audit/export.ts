import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { AipError, fromBase64Url, isJsonObject, toBase64Url, type Json, type JsonObject } from '@aip/wire';
import type { AuditEntry, LogSource, StoredLog } from './source.ts';

/**
 * An export is JSON Lines: a header, the signed checkpoints, the entries, and a last line with the SHA-256 of
 * everything before it. It is written and read as a stream, and verified without the platform by whoever has it.
 */
const FORMAT = 'aip-log-v1';

/** Lines are gathered up to this many characters before they are written. */
const BUFFERED = 256 * 1024;
/** The longest line that is read, in characters: far more than the largest entry takes. */
const MAX_LINE = 256 * 1024 * 1024;

/** Writes a log to a file that must not exist yet. Returns the number of entries. */
export function exportLog(source: StoredLog, file: string, now: number): number {
  const out = openSync(file, 'wx', 0o600);
  const hash = createHash('sha256');
  let waiting = '';
  let entries = 0;
  function flush(): void {
    hash.update(waiting);
    writeSync(out, waiting);
    waiting = '';
  }
  function write(value: JsonObject): void {
    waiting += lineOf(value);
    if (waiting.length > BUFFERED) flush();
  }
  try {
    write({ format: FORMAT, tenant: source.tenant, gateway: source.gateway, exported_at: new Date(now).toISOString() });
    for (const { size, note } of source.checkpoints) write({ checkpoint: { size, note } });
    for (const entry of source.entries()) {
      write(entryLine(entry));
      entries++;
    }
    flush();
    writeSync(out, endLine(entries, hash.digest('base64url')));
  } finally {
    closeSync(out);
  }
  return entries;
}

const lineOf = (value: JsonObject): string => `${JSON.stringify(value)}\n`;

const endLine = (entries: number, sha256: string): string => lineOf({ end: { entries, sha256 } });

function entryLine({ seq, text, leaf, body, salt }: AuditEntry): JsonObject {
  return {
    seq,
    text,
    leaf: toBase64Url(leaf),
    ...(body === undefined ? {} : { body }),
    ...(salt === undefined ? {} : { salt: toBase64Url(salt) }),
  };
}

/**
 * Opens an export: reads its header and checkpoints; the entries are read as they are asked for.
 *
 * @throws AipError MALFORMED_MESSAGE when it is none; what is wrong inside is found by verification
 */
export async function readExport(file: string): Promise<LogSource> {
  const { tenant, gateway, checkpoints } = await readHead(file);
  let problems: string[] = [];
  let cut = false;

  async function* entries(): AsyncGenerator<AuditEntry> {
    const found = (problems = []) as string[];
    const hash = createHash('sha256');
    let count = 0;
    let number = 0;
    let ended = false;
    for await (const line of linesOf(file)) {
      number++;
      if (ended) found.push(`line ${number} stands after the end of the export`);
      if (line.startsWith('{"end"') && line.endsWith('\n')) {
        ended = true;
        if (line !== endLine(count, hash.digest('base64url')))
          found.push('the file is not as it was exported: it does not fit the count and the digest in its last line');
        continue;
      }
      if (!ended) hash.update(line);
      const value = parseLine(line);
      if (value && (number === 1 || isJsonObject(value['checkpoint']))) continue;
      const entry = entryOf(value);
      // Without its newline it is where the file has been cut.
      if (!entry && !line.endsWith('\n')) break;
      if (entry) yield entry;
      else found.push(`line ${number} (entry ${count}) cannot be read`);
      count++;
    }
    cut = !ended;
  }

  return { tenant, gateway, checkpoints, entries, problems: () => problems, cut: () => cut };
}

async function readHead(file: string): Promise<Pick<LogSource, 'tenant' | 'gateway' | 'checkpoints'>> {
  const checkpoints: { size: number; note: string }[] = [];
  let header: JsonObject | undefined;
  for await (const line of linesOf(file)) {
    const value = parseLine(line);
    if (header === undefined) {
      header = value ?? {};
      if (header['format'] !== FORMAT) break;
      continue;
    }
    const checkpoint = value?.['checkpoint'];
    if (!isJsonObject(checkpoint)) break;
    const { size, note } = checkpoint;
    checkpoints.push({ size: Number(size), note: typeof note === 'string' ? note : '' });
  }
  const { format, tenant, gateway } = header ?? {};
  if (format !== FORMAT || typeof tenant !== 'string' || typeof gateway !== 'string')
    throw new AipError('MALFORMED_MESSAGE', `${file} is not an export of an AIP log; "aip audit export" writes one.`);
  return { tenant, gateway, checkpoints };
}

/** Lines with their newline. Nothing else ends a line, and bytes that are not UTF-8 end the reading. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest = '';
  for await (const chunk of createReadStream(file, { highWaterMark: BUFFERED })) {
    const text = rest + utf8.decode(chunk as Uint8Array, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n', rest.length); end >= 0; end = text.indexOf('\n', start)) {
      yield text.slice(start, end + 1);
      start = end + 1;
    }
    rest = text.slice(start);
    if (rest.length > MAX_LINE) throw new AipError('PAYLOAD_TOO_LARGE', 'A line of the export is too long.');
  }
  rest += utf8.decode();
  if (rest !== '') yield rest;
}

function entryOf(line: JsonObject | undefined): AuditEntry | undefined {
  const { seq, text, leaf, body, salt } = line ?? {};
  if (typeof seq !== 'number' || typeof text !== 'string') return undefined;
  const leafBytes = bytesOf(leaf);
  const saltBytes = bytesOf(salt);
  if (!leafBytes || (salt !== undefined && !saltBytes)) return undefined;
  return {
    seq,
    text,
    leaf: leafBytes,
    ...(typeof body === 'string' ? { body } : {}),
    ...(saltBytes ? { salt: saltBytes } : {}),
  };
}

function bytesOf(text: Json | undefined): Uint8Array | undefined {
  try {
    return typeof text === 'string' ? fromBase64Url(text) : undefined;
  } catch {
    return undefined;
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
