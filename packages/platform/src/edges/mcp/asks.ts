import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { InputRequest } from '@modelcontextprotocol/server';
import type { Ask } from '../../kernel/ask.ts';
import { data, text, type Body } from '../../kernel/body.ts';

/** The name under which a client is asked and answers: the one it has where it was asked, else its id. */
export const keyOf = (ask: Ask): string => ask.key ?? ask.id;

/** An ask put to the caller, as a request that its client can answer; undefined when this client cannot. */
export function requestOf(ask: Ask, capabilities: unknown): InputRequest | undefined {
  const can = isJsonObject(capabilities) ? capabilities : {};
  switch (ask.kind) {
    case 'sampling':
      return isJsonObject(can['sampling']) ? request('sampling/createMessage', ask.body) : undefined;
    case 'elicitation':
      return elicits(can['elicitation'], ask.body['mode']) ? request('elicitation/create', ask.body) : undefined;
    case 'roots':
      return isJsonObject(can['roots']) ? request('roots/list') : undefined;
    case 'input':
      return elicits(can['elicitation'], 'form') ? request('elicitation/create', inputForm(ask)) : undefined;
    default:
      return undefined;
  }
}

/** The client's answer, as the one who asked expects it. Throws CANCELED when the user has declined to give any. */
export function answerOf(ask: Ask, response: Json): Body {
  if (ask.kind !== 'input') return data(response);
  const content = isJsonObject(response) && response['action'] === 'accept' ? response['content'] : undefined;
  const reply = isJsonObject(content) ? content['text'] : undefined;
  if (typeof reply !== 'string') throw new AipError('CANCELED', 'The user gave no input, so the call cannot go on.');
  return text(reply);
}

const request = (method: string, params?: JsonObject): InputRequest =>
  ({ method, ...(params ? { params } : {}) }) as unknown as InputRequest;

/** A client that names no mode at all means forms (2025-06-18). */
function elicits(capability: Json | undefined, mode: Json | undefined): boolean {
  if (!isJsonObject(capability)) return false;
  if (mode === 'url') return isJsonObject(capability['url']);
  return isJsonObject(capability['form']) || !isJsonObject(capability['url']);
}

function inputForm(ask: Ask): JsonObject {
  const message = ask.body['message'];
  return {
    mode: 'form',
    message: typeof message === 'string' ? message : 'The agent needs more input.',
    requestedSchema: {
      type: 'object',
      properties: { text: { type: 'string', title: 'Your answer' } },
      required: ['text'],
    },
  };
}
