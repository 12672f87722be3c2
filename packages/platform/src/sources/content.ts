import { extname } from 'node:path';
import type { JsonObject } from '@aip/wire';

/** Media types by file extension; what is not here is told apart by its bytes. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.bin': 'application/octet-stream',
  '.css': 'text/css',
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.gz': 'application/gzip',
  '.htm': 'text/html',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.md': 'text/markdown',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.ogg': 'audio/ogg',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.sql': 'application/sql',
  '.svg': 'image/svg+xml',
  '.toml': 'application/toml',
  '.tsv': 'text/tab-separated-values',
  '.txt': 'text/plain',
  '.wav': 'audio/wav',
  '.webp': 'image/webp',
  '.xml': 'application/xml',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.zip': 'application/zip',
};

export const mediaTypeOf = (path: string): string | undefined => BY_EXTENSION[extname(path).toLowerCase()];

/** The bytes as text; undefined when they are none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** TextResourceContents or BlobResourceContents (MCP 2026-07-28, ReadResourceResult). */
export function resourceContents(uri: string, bytes: Uint8Array, mediaType?: string): JsonObject {
  const text = textOf(bytes);
  if (text !== undefined) return { uri, mimeType: mediaType ?? 'text/plain', text };
  return { uri, mimeType: mediaType ?? 'application/octet-stream', blob: Buffer.from(bytes).toString('base64') };
}

export const jsonContents = (uri: string, value: unknown): JsonObject => ({
  uri,
  mimeType: 'application/json',
  text: JSON.stringify(value),
});
