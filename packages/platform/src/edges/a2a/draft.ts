import type { JsonObject } from '@aip/wire';
import type { Exchange } from '../../exchange/index.ts';
import type { Body } from '../../kernel/body.ts';
import { withoutCredentials } from '../../kernel/credentials.ts';
import { uuidv7 } from '../../kernel/ids.ts';
import type { Draft } from '../../kernel/message.ts';
import type { Message } from './protocol.ts';
import type { SendRequest } from './request.ts';
import type { Caller } from './service.ts';
import { targetOf } from './target.ts';

/** A message that begins a task, as it crosses the exchange. */
export function draftOf(exchange: Exchange, { agent, trace }: Caller, request: SendRequest): Draft {
  const { message, metadata } = request;
  const parentId = message.metadata?.['aip.parent'] ?? metadata['aip.parent'];
  return {
    to: targetOf(exchange, agent, request),
    action: 'invoke',
    body: bodyOf(message),
    conversationId: message.contextId ?? uuidv7(exchange.clock.now()),
    idempotencyKey: `a2a:${message.messageId}`,
    ...(typeof parentId === 'string' ? { parentId } : {}),
    ...(trace ? { trace } : {}),
    ...nativeOf(message),
  };
}

/** What a client says beside its message may hold credentials, which are for this gateway alone. */
export function bodyOf({ parts, messageId, contextId, metadata }: Message): Body {
  return {
    type: 'a2a',
    value: {
      parts: parts.map(({ metadata: beside, ...part }) => ({ ...part, ...metadataOf(beside) })),
      messageId,
      ...(contextId === undefined ? {} : { contextId }),
      ...metadataOf(metadata),
    },
  };
}

function metadataOf(given: JsonObject | undefined): { metadata?: JsonObject } {
  const metadata = given && withoutCredentials(given);
  return metadata ? { metadata } : {};
}

/** What of a message only this edge understands; it comes back in the task's history. */
function nativeOf({ extensions, referenceTaskIds }: Message): { native?: JsonObject } {
  if (!extensions && !referenceTaskIds) return {};
  return {
    native: {
      ...(extensions ? { extensions: [...extensions] } : {}),
      ...(referenceTaskIds ? { referenceTaskIds: [...referenceTaskIds] } : {}),
    },
  };
}
