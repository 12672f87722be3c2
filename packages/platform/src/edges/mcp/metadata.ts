import { isJsonObject, type JsonObject } from '@aip/wire';
import {
  CLIENT_CAPABILITIES_META_KEY,
  LOG_LEVEL_META_KEY,
  type LoggingLevel,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { withoutCredentials } from '../../kernel/credentials.ts';
import type { Accepts, Draft } from '../../kernel/message.ts';
import { traceIn } from '../../kernel/trace.ts';
import { APPS_EXTENSION } from './extensions.ts';

/** Set by a client that wants a call to happen once: the same key with the same arguments means the same call. */
const IDEMPOTENCY_KEY = 'aip/idempotencyKey';
/** On an error result: `{code, message, retryable, details?}` of the platform's error table. */
export const ERROR_KEY = 'aip/error';

/** What `_meta` holds for one connection only, or is carried by the message itself. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  'progressToken',
  'traceparent',
  'tracestate',
  'baggage',
  IDEMPOTENCY_KEY,
  'io.modelcontextprotocol/related-task',
]);
const ENVELOPE = 'io.modelcontextprotocol/';

const MAX_KEY = 256;

/** What the asker of a request can be asked, and what it wants to hear meanwhile, for an upstream that speaks MCP. */
export interface Asker {
  readonly capabilities?: unknown;
  readonly logLevel?: string | undefined;
}

/** What a request's `_meta` says to the exchange, and what of it travels on. */
export function readMeta(meta: unknown, asker: Asker = {}): Pick<Draft, 'trace' | 'idempotencyKey' | 'native'> {
  const native = askerOf(asker);
  if (!isJsonObject(meta)) return nativeOf(native);
  const trace = traceIn(meta);
  const key = meta[IDEMPOTENCY_KEY];
  const passed = Object.entries(meta).filter(([name]) => !OWN_KEYS.has(name) && !name.startsWith(ENVELOPE));
  const safe = withoutCredentials(Object.fromEntries(passed));
  return {
    ...(trace ? { trace } : {}),
    ...(typeof key === 'string' && key !== '' && key.length <= MAX_KEY ? { idempotencyKey: key } : {}),
    ...nativeOf(safe === undefined ? native : { ...native, _meta: safe }),
  };
}

const nativeOf = (native: JsonObject): Pick<Draft, 'native'> => (Object.keys(native).length > 0 ? { native } : {});

/** The capabilities by which a client can be asked; a server is told them, and which user interfaces the client shows. */
const ASKABLE = ['sampling', 'elicitation', 'roots'] as const;

function askerOf({ capabilities, logLevel }: Asker): JsonObject {
  const declared = isJsonObject(capabilities) ? capabilities : {};
  const extensions = isJsonObject(declared['extensions']) ? declared['extensions'] : {};
  const apps = extensions[APPS_EXTENSION];
  const can = {
    ...Object.fromEntries(ASKABLE.flatMap((name) => (isJsonObject(declared[name]) ? [[name, declared[name]]] : []))),
    ...(isJsonObject(apps) ? { extensions: { [APPS_EXTENSION]: apps } } : {}),
  };
  return {
    ...(Object.keys(can).length > 0 ? { capabilities: can } : {}),
    ...(logLevel === undefined ? {} : { logLevel }),
  };
}

/** What the client can be asked in the middle of a call. */
export function acceptsOf(capabilities: unknown): Accepts {
  if (!isJsonObject(capabilities)) return {};
  return {
    ...(isJsonObject(capabilities['sampling']) ? { sampling: true } : {}),
    ...(isJsonObject(capabilities['elicitation']) ? { elicitation: true, input: true } : {}),
    ...(isJsonObject(capabilities['roots']) ? { roots: true } : {}),
  };
}

/** From which level on a stateless request (2026-07-28) wants log messages. */
export function declaredLogLevel(ctx: ServerContext): LoggingLevel | undefined {
  const level = (ctx.mcpReq.envelope as Record<string, unknown> | undefined)?.[LOG_LEVEL_META_KEY];
  return typeof level === 'string' ? (level as LoggingLevel) : undefined;
}

/** What the client of a stateless request (2026-07-28) declares in the request itself. */
export const declaredCapabilities = (ctx: ServerContext): unknown =>
  (ctx.mcpReq.envelope as Record<string, unknown> | undefined)?.[CLIENT_CAPABILITIES_META_KEY];
