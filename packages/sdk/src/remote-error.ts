import { AipError, isErrorCode, toAipError, type IoapPayloads, type Json, type JsonObject } from '@aip/wire';

type ErrorPayload = IoapPayloads['ERROR'];

/** What a peer said went wrong. The stable code is in `details.code` where IoAP has a name of its own. */
export function errorFrom(payload: ErrorPayload | undefined, extra: JsonObject = {}): AipError {
  const { code, message = 'The call failed without saying why.', details } = payload ?? {};
  const stable = [details?.['code'], code].find(isErrorCode) ?? 'UPSTREAM_FAILED';
  const unknown = isErrorCode(code) || isErrorCode(details?.['code']) || code === undefined ? {} : { code };
  return new AipError(stable, message, { details: { ...details, ...unknown, ...extra } });
}

/** A failure of one's own as a peer is told: never its stack or cause. */
export function payloadOf(thrown: unknown): ErrorPayload {
  if (thrown instanceof AipError) {
    return {
      code: thrown.code,
      message: thrown.message.slice(0, 4096),
      ...(thrown.details ? { details: thrown.details } : {}),
    };
  }
  if (thrown instanceof Error && thrown.name === 'AbortError')
    return { code: 'CANCELED', message: 'The work was stopped.' };
  const message = thrown instanceof Error ? thrown.message : toAipError(thrown).message;
  return { code: 'INTERNAL_ERROR', message: message.slice(0, 4096) };
}

/** Anything a handler returns, as JSON. */
export function toJson(value: unknown): Json {
  const text = JSON.stringify(value ?? null) as string | undefined;
  return text === undefined ? null : (JSON.parse(text) as Json);
}
