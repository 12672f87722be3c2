import { AipError, cardKeyIds, isJsonObject, keyIdOfDid, parseJson, verifyCard, type JsonObject } from '@aip/wire';
import type { Revealed } from '../../kernel/secret.ts';

/** An A2A agent somewhere else, as the operator has configured it. */
export interface RemoteAgent {
  /** Its name here. */
  readonly name: string;
  /** Its base URL, or that of its card when it ends in `.json`. */
  readonly url: string;
  /** Sent to the configured origin only, wherever the card points; read anew with each card. */
  readonly headers?: () => Promise<Revealed>;
  /** Whose signature its card must carry. */
  readonly did?: string | undefined;
  /** Secret of this gateway under which its callers' conversations are named to the agent. */
  readonly conversationKey: Uint8Array;
  /** Carries every request to it; the platform's guarded fetch. */
  readonly fetch?: typeof fetch;
}

const MAX_CARD = 1024 * 1024;
const CARD_TIMEOUT = 10_000;

/** `fetch` with the agent's credentials where they belong, and without redirects. */
export function fetchFor({ url, fetch: send = fetch }: RemoteAgent, headers: Revealed['values']): typeof fetch {
  const { origin } = new URL(url);
  return (input, init) => {
    const target = new URL(input instanceof Request ? input.url : input);
    const own = target.origin === origin ? headers : {};
    return send(input, {
      ...init,
      redirect: 'error',
      headers: { ...(init?.headers as Record<string, string> | undefined), ...own },
    });
  };
}

/**
 * Fetches the agent's card and verifies its signature (section 8.4). A signature by a did:key must hold, and then only
 * what it covers counts; one by a key that nobody here trusts says nothing, so that card counts as unsigned.
 *
 * @throws AipError AGENT_UNAVAILABLE, INVALID_SIGNATURE, MALFORMED_MESSAGE
 */
export async function fetchCard(remote: RemoteAgent, send: typeof fetch): Promise<JsonObject> {
  const url = remote.url.endsWith('.json')
    ? remote.url
    : `${remote.url.replace(/\/+$/, '')}/.well-known/agent-card.json`;
  const card = parseJson(await download(send, url), { maxBytes: MAX_CARD });
  if (!isJsonObject(card)) throw new AipError('MALFORMED_MESSAGE', `${url} is not an agent card.`);
  return verified(card, remote);
}

async function download(send: typeof fetch, url: string): Promise<Uint8Array> {
  try {
    const response = await send(url, { headers: { 'a2a-version': '1.0' }, signal: AbortSignal.timeout(CARD_TIMEOUT) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return await bounded(response);
  } catch (cause) {
    if (cause instanceof AipError) throw cause;
    throw new AipError('AGENT_UNAVAILABLE', `No agent card from ${url}.`, { cause });
  }
}

async function bounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_CARD) throw new AipError('PAYLOAD_TOO_LARGE', `The card is larger than ${MAX_CARD} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function verified(card: JsonObject, { name, did }: RemoteAgent): JsonObject {
  const provable = cardKeyIds(card).some((id) => id.startsWith('did:key:'));
  if (!provable && did === undefined) return card;
  const { keyId, card: covered } = verifyCard(card);
  if (did !== undefined && keyId !== keyIdOfDid(did))
    throw new AipError('INVALID_SIGNATURE', `The card of ${name} is signed by ${keyId}, not by ${did}.`);
  return covered;
}
