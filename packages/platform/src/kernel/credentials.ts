import { isJsonObject, type Json, type JsonObject } from '@aip/wire';

/** Names under which a client may put a credential: it is for us, never for a target. Authors are none. */
const CREDENTIAL = /auth(?!or(?!i[sz]))|token|secret|credential|password|api[-_]?key|cookie/i;
/** A credential by its form, whatever its name (RFC 9110, section 11.4). */
const AUTHORIZATION = /^\s*(?:bearer|basic|digest|dpop)\s+\S/i;

/**
 * What a client says beside its request (`_meta` of MCP, `metadata` of A2A) without any text that is, or is named like, a
 * credential, at any depth; undefined when nothing is left. Numbers stay.
 */
export const withoutCredentials = (said: JsonObject): JsonObject | undefined => cleaned(said) as JsonObject | undefined;

function cleaned(value: Json, named = false): Json | undefined {
  if (typeof value === 'string') return named || AUTHORIZATION.test(value) ? undefined : value;
  if (Array.isArray(value)) return value.flatMap((item) => cleaned(item, named) ?? []);
  if (!isJsonObject(value)) return value;
  const safe = Object.entries(value).flatMap(([name, item]) => {
    const left = cleaned(item, named || CREDENTIAL.test(name));
    return left === undefined ? [] : [[name, left] as const];
  });
  return safe.length > 0 ? Object.fromEntries(safe) : undefined;
}
