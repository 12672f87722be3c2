import { isJsonObject, parseJson, type Json } from '@aip/wire';

/** What a header can carry, in a length that servers take; RFC 6750, section 2.1, allows less still. */
const ACCESS_TOKEN = /^[\x21-\x7e]{1,16384}$/;
/** As the registered ones are (RFC 6749, section 5.2): neither a sentence nor a token fits. */
const ERROR_CODE = /^[a-z][a-z_]{0,49}$/;

/**
 * A `fetch` for what is sent to an authorization server. Its answers come as far as they can be used and repeated: of a
 * refusal the code alone, since the rest may hold a code or a token and the SDK logs it; tokens only if a header can
 * carry them. Throws an error that repeats nothing of an answer that is none.
 */
export const usableAnswers =
  (send: typeof fetch): typeof fetch =>
  async (input, init) => {
    const response = await send(input, init);
    const { status, ok } = response;
    const isRedirect = status >= 300 && status < 400;
    if (init?.method !== 'POST' || isRedirect) return response;
    const answer = jsonIn(await response.text());
    if (isJsonObject(answer) && 'error' in answer)
      return Response.json({ error: errorCode(answer['error']) }, { status });
    if (!ok) return new Response(null, { status });
    if (!isJsonObject(answer)) throw new Error('its answer is no JSON object');
    const { access_token: token } = answer;
    if (token !== undefined && (typeof token !== 'string' || !ACCESS_TOKEN.test(token)))
      throw new Error('it gives a token that no header can carry');
    return Response.json(answer, { status });
  };

/** The code of an OAuth error, as it may be repeated. */
export const errorCode = (code: unknown): string =>
  typeof code === 'string' && ERROR_CODE.test(code) ? code : 'an error without a code';

function jsonIn(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
