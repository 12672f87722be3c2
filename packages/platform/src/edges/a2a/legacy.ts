import type * as Sdk from '@a2a-js/sdk';
import type * as Compat from '@a2a-js/sdk/compat/v0_3/server';
import type { A2ARequestHandler } from '@a2a-js/sdk/server';
import { AipError, ERRORS, toAipError, type Json, type JsonObject } from '@aip/wire';
import type { AgentCard } from './card.ts';
import type { A2aService, Caller, StreamItem } from './service.ts';

/** A2A 0.3 over JSON-RPC: the official translation, in front of the operations that 1.0 has. */
export interface LegacyBinding {
  /** A whole JSON-RPC response; a failure is inside. */
  answer(caller: Caller, request: JsonObject): Promise<unknown>;
  /** Whole JSON-RPC responses. What fails before the first one is thrown as {@link LegacyFailure}. */
  stream(caller: Caller, request: JsonObject): Promise<AsyncIterable<StreamItem<unknown>>>;
}

/** A failure that is already a JSON-RPC 0.3 response. */
export class LegacyFailure extends Error {
  readonly response: unknown;
  constructor(response: unknown) {
    super('A2A 0.3 request failed');
    this.response = response;
  }
}

export const LEGACY_STREAMING: ReadonlySet<string> = new Set(['message/stream', 'tasks/resubscribe']);
export const isLegacyMethod = (method: string): boolean => /^(?:message|tasks|agent)\//.test(method);

type Official = typeof Sdk;
type Translation = typeof Compat;

/** Loaded when the first client of 0.3 comes. */
export async function loadLegacyBinding(service: A2aService): Promise<LegacyBinding> {
  const [official, translation] = await Promise.all([import('@a2a-js/sdk'), import('@a2a-js/sdk/compat/v0_3/server')]);

  /** The translation reads no context: who calls is part of the handler. */
  async function handle(caller: Caller, request: JsonObject) {
    const handler = requestHandler(service, caller, official, translation);
    const answer = await new translation.LegacyJsonRpcTransportHandler(handler.operations).handle(
      request,
      undefined as never,
    );
    // The translation trips over a request that is not of its shape; that is the request's fault, not ours.
    if ('error' in answer && !handler.reached && answer.error.code === -32_603)
      return { ...answer, error: NOT_OF_SHAPE };
    return answer;
  }

  return {
    answer: handle,
    async stream(caller, request) {
      const answer = await handle(caller, request);
      if (!(Symbol.asyncIterator in answer)) throw new LegacyFailure(answer);
      try {
        return resumed(await answer.next(), answer);
      } catch (error) {
        const body = translation.LegacyJsonRpcTransportHandler.mapToLegacyJSONRPCError(error);
        throw new LegacyFailure({ jsonrpc: '2.0', id: request['id'] ?? null, error: body });
      }
    },
  };
}

const NOT_OF_SHAPE = { code: -32_602, message: 'The parameters are not those of this A2A 0.3 method.' };

/** The stream again, of which the first event has been taken out to see whether there is one. */
async function* resumed(
  first: IteratorResult<unknown>,
  rest: AsyncIterable<unknown>,
): AsyncIterable<StreamItem<unknown>> {
  if (first.done) return;
  yield { response: first.value };
  for await (const response of rest) yield { response };
}

function requestHandler(service: A2aService, caller: Caller, official: Official, { LegacyA2AError }: Translation) {
  const { Task, Message, StreamResponse, SendMessageRequest } = official;
  const state = { reached: false };

  function refusal(thrown: unknown): Error {
    const error = toAipError(thrown);
    const { a2a, jsonrpc } = ERRORS[error.code];
    return new LegacyA2AError(a2a?.code ?? jsonrpc, error.message, { code: error.code });
  }

  async function run<T>(operation: () => Promise<T>): Promise<T> {
    state.reached = true;
    return operation().catch((error: unknown) => {
      throw refusal(error);
    });
  }

  async function* follow(open: () => Promise<AsyncIterable<StreamItem>>) {
    const stream = await run(open);
    for await (const { response } of stream) yield StreamResponse.fromJSON(response);
  }

  const refuse = (code: 'PUSH_NOTIFICATION_NOT_SUPPORTED' | 'UNSUPPORTED_OPERATION') => () =>
    run<never>(() => Promise.reject(new AipError(code)));
  const noPush = refuse('PUSH_NOTIFICATION_NOT_SUPPORTED');
  const json = (value: unknown): Json => value as Json;

  const operations: A2ARequestHandler = {
    getAgentCard: () => Promise.resolve(official.AgentCard.fromJSON({ capabilities: { streaming: true } })),
    getAuthenticatedExtendedAgentCard: refuse('UNSUPPORTED_OPERATION'),
    sendMessage: (params) =>
      run(async () => {
        const answer = await service.sendMessage(caller, json(SendMessageRequest.toJSON(params)));
        return 'task' in answer ? Task.fromJSON(answer.task) : Message.fromJSON(answer.message);
      }),
    sendMessageStream: (params) =>
      follow(() => service.sendStreamingMessage(caller, json(SendMessageRequest.toJSON(params)))),
    getTask: ({ id, historyLength }) =>
      run(async () =>
        Task.fromJSON(await service.getTask(caller, { id, ...(historyLength === undefined ? {} : { historyLength }) })),
      ),
    cancelTask: ({ id }) => run(async () => Task.fromJSON(await service.cancelTask(caller, { id }))),
    resubscribe: ({ id }) => follow(() => service.subscribeToTask(caller, { id })),
    // 0.3 has no list over JSON-RPC.
    listTasks: refuse('UNSUPPORTED_OPERATION'),
    createTaskPushNotificationConfig: noPush,
    getTaskPushNotificationConfig: noPush,
    listTaskPushNotificationConfigs: noPush,
    deleteTaskPushNotificationConfig: noPush,
  };
  return {
    operations,
    get reached() {
      return state.reached;
    },
  };
}

/** The same agent on a card of A2A 0.3 (section 5.5 there), unsigned. */
export function legacyCardOf(card: AgentCard, url: string): JsonObject {
  const { name, description, version, defaultInputModes, defaultOutputModes, skills } = card;
  return {
    protocolVersion: '0.3.0',
    name,
    description,
    version,
    url,
    preferredTransport: 'JSONRPC',
    capabilities: { streaming: true, pushNotifications: false },
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    security: [{ bearer: [] }],
    defaultInputModes: defaultInputModes as Json,
    defaultOutputModes: defaultOutputModes as Json,
    skills: skills as Json,
  };
}
