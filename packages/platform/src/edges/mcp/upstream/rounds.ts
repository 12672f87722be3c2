import { AipError, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import type { AskKind } from '../../../kernel/ask.ts';
import type { Question, Questioner } from './questions.ts';

const KIND: Readonly<Record<string, AskKind>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

/** Longest `requestState` of a server that is kept for it, in characters. */
const MAX_STATE = 256 * 1024;
/** A server that wants to be called again without asking anything is called no sooner than this, in milliseconds. */
const PACE = 500;

/** What is added to the request's parameters when it is sent again. */
export type Retry = { readonly inputResponses?: JsonObject; readonly requestState?: string };

/**
 * A request of 2026-07-28 through its rounds (basic/patterns/mrtr): what the server asks for is put to the caller, and
 * the request is sent again with the answers, until its result is complete. What it asks for belongs to this very
 * request, so any number of callers can share a connection.
 */
export async function inRounds(
  send: (retry: Retry) => Promise<JsonObject>,
  questioner: Questioner,
): Promise<JsonObject> {
  let result = await send({});
  while (result['resultType'] === 'input_required') {
    const { inputRequests, requestState } = result;
    const questions = questionsIn(inputRequests);
    if (typeof requestState === 'string' && requestState.length > MAX_STATE)
      throw new AipError('UPSTREAM_FAILED', `Its requestState is longer than ${MAX_STATE} characters.`);
    const answers = await questioner.ask(questions);
    if (questions.length === 0) await new Promise((resolve) => setTimeout(resolve, PACE));
    result = await send({
      ...(questions.length === 0
        ? {}
        : { inputResponses: Object.fromEntries(questions.map(({ key }, index) => [key, answers[index] ?? {}])) }),
      ...(typeof requestState === 'string' ? { requestState } : {}),
    });
  }
  return result;
}

/** Throws UPSTREAM_FAILED for one that no client can answer. */
export const questionsIn = (inputRequests: Json | undefined) =>
  isJsonObject(inputRequests) ? Object.entries(inputRequests).map(questionOf) : [];

function questionOf([key, request]: [string, Json]): Question & { readonly key: string } {
  const method = isJsonObject(request) ? request['method'] : undefined;
  const kind = typeof method === 'string' && Object.hasOwn(KIND, method) ? KIND[method] : undefined;
  if (!kind || !isJsonObject(request))
    throw new AipError('UPSTREAM_FAILED', `It asks for "${key.slice(0, 100)}", which no client can answer.`);
  return { key, kind, params: request['params'] };
}
