import { AipError, parseJson, type Json, type JsonObject } from '@aip/wire';
import { valueWithoutSecrets, withoutSecrets } from '../kernel/secret.ts';
import { MAX_BODY, type Answer } from './api.ts';
import { resourceContents, textOf } from './content.ts';
import { shorten, trimItems, pickPaths } from './trim.ts';

export interface Trimming {
  /** Paths of what is kept, dots between names, through every array; everything unless set. */
  readonly pick?: readonly string[] | undefined;
  /** Longest array. */
  readonly maxItems: number;
  /** Longest text of the result, in bytes. */
  readonly maxBytes: number;
  /** The tool promises structured content. */
  readonly structured: boolean;
}

/** Of an error's body this many characters are shown. */
const MAX_ERROR_TEXT = 2_000;

/** What an API answered, as an MCP CallToolResult. Every status but 2xx is an error that the model can read. */
export function toolResultOf(answer: Answer, trimming: Trimming): JsonObject {
  const { status } = answer;
  if (answer.tooLarge) return failed(`HTTP ${status}; the answer is larger than ${MAX_BODY} bytes and was left out.`);
  const text = textIn(answer);
  if (status < 200 || status > 299) return failed(errorText(answer, text));
  if (text === undefined) return binaryResult(answer, trimming);
  const said = isJson(answer.mediaType) || trimming.structured ? jsonIn(text) : undefined;
  // An escaped one is found only now.
  const value = said === undefined ? undefined : valueWithoutSecrets(said, answer.secrets);
  if (value === undefined) {
    if (trimming.structured)
      return failed(
        `HTTP ${status}; the answer is not the JSON that this API promises: ${shorten(text, MAX_ERROR_TEXT)}`,
      );
    return { content: [{ type: 'text', text: shorten(text, trimming.maxBytes) }] };
  }
  const { kept, dropped } = trimItems(trimming.pick ? pickPaths(value, trimming.pick) : value, trimming.maxItems);
  const json = JSON.stringify(kept);
  if (Buffer.byteLength(json) > trimming.maxBytes)
    return failed(
      `HTTP ${status}; the answer of ${Buffer.byteLength(json)} bytes is larger than the limit of ${trimming.maxBytes}; ask for less. It begins: ${shorten(json, MAX_ERROR_TEXT)}`,
    );
  const note =
    dropped > 0
      ? [{ type: 'text', text: `${dropped} items were left out; a list has at most ${trimming.maxItems}.` }]
      : [];
  return {
    content: [{ type: 'text', text: typeof kept === 'string' ? kept : json }, ...note],
    ...(typeof kept === 'object' && kept !== null ? { structuredContent: kept } : {}),
  };
}

/** What an API answered, as an MCP ReadResourceResult. Throws NOT_FOUND, UPSTREAM_FAILED, PAYLOAD_TOO_LARGE. */
export function readResultOf(answer: Answer, uri: string, maxBytes: number, mimeType?: string): JsonObject {
  const { status, bytes, mediaType } = answer;
  if (answer.tooLarge || bytes.byteLength > maxBytes)
    throw new AipError('PAYLOAD_TOO_LARGE', `${uri} is larger than the limit of ${maxBytes} bytes.`);
  const text = textIn(answer);
  if (status < 200 || status > 299)
    throw new AipError(status === 404 || status === 410 ? 'NOT_FOUND' : 'UPSTREAM_FAILED', errorText(answer, text));
  const shown = text === undefined ? bytes : Buffer.from(text);
  return { contents: [resourceContents(uri, shown, mimeType ?? (mediaType === '' ? undefined : mediaType))] };
}

const failed = (text: string): JsonObject => ({ content: [{ type: 'text', text }], isError: true });

function errorText(answer: Answer, text: string | undefined): string {
  const { status } = answer;
  const refused =
    status === 401 || status === 403 ? ' The credentials that the platform has for this API may not be right.' : '';
  const moved =
    answer.location === undefined ? '' : ` It redirects to ${withoutSecrets(answer.location, answer.secrets)}.`;
  const said = text === undefined || text.trim() === '' ? '' : `\n${shorten(text, MAX_ERROR_TEXT)}`;
  return `HTTP ${status}.${refused}${moved}${said}`;
}

function textIn({ bytes, secrets }: Answer): string | undefined {
  const text = textOf(bytes);
  return text === undefined ? undefined : withoutSecrets(text, secrets);
}

const isJson = (mediaType: string): boolean => /(?:^|\/|\+)json$/.test(mediaType);

function jsonIn(text: string): Json | undefined {
  try {
    return parseJson(text, { maxBytes: MAX_BODY });
  } catch {
    return undefined;
  }
}

function binaryResult({ status, bytes, mediaType }: Answer, { maxBytes, structured }: Trimming): JsonObject {
  if (structured) return failed(`HTTP ${status}; the answer is not the JSON that this API promises.`);
  if (bytes.byteLength > maxBytes)
    return failed(`HTTP ${status}; the answer of ${bytes.byteLength} bytes is larger than the limit of ${maxBytes}.`);
  const data = Buffer.from(bytes).toString('base64');
  const mimeType = mediaType === '' ? 'application/octet-stream' : mediaType;
  if (/^(?:image|audio)\//.test(mimeType))
    return { content: [{ type: mimeType.split('/', 1)[0] as string, data, mimeType }] };
  return { content: [{ type: 'resource', resource: { uri: 'data:answer', mimeType, blob: data } }] };
}
