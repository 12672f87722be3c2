import type { JsonObject } from '@aip/wire';
import { outcomeOf } from '../../exchange/outcome.ts';
import { partsOf, type Body, type Part } from '../../kernel/body.ts';
import type { Message as StoredMessage } from '../../kernel/message.ts';
import type { TaskEvent } from '../../kernel/task.ts';
import type { Message } from './protocol.ts';

/** The message that began a task, as its history shows it. */
export function openingMessage(stored: StoredMessage, contextId: string): Message {
  const { body, native } = stored;
  const given = body.type === 'a2a' ? body.value : undefined;
  return {
    messageId: given?.messageId ?? stored.id,
    contextId,
    taskId: stored.taskId,
    role: 'ROLE_USER',
    parts: partsOf(body),
    ...(given?.metadata ? { metadata: given.metadata } : {}),
    ...(native?.['extensions'] ? { extensions: native['extensions'] as string[] } : {}),
    ...(native?.['referenceTaskIds'] ? { referenceTaskIds: native['referenceTaskIds'] as string[] } : {}),
  };
}

/** A message of the agent's own; the caller's message handed back is a result like any other. */
export function asDirectMessage(
  body: Body,
  contextId: string,
  opening: StoredMessage | undefined,
): Message | undefined {
  if (body.type !== 'a2a' || body.value.messageId === undefined) return undefined;
  const { messageId, parts, metadata } = body.value;
  if (opening?.body.type === 'a2a' && opening.body.value.messageId === messageId) return undefined;
  // No taskId: it would invite the client to go on with a task that has ended. The record still leads to it.
  return {
    messageId,
    contextId,
    role: 'ROLE_AGENT',
    parts,
    ...(opening ? { metadata: { ...metadata, 'aip.task': opening.taskId } } : {}),
  };
}

/** What the agent, or the gateway in its place, says along with a new status. Its id is stable, so that every stream tells the same. */
export function statusMessage(event: TaskEvent, place: { taskId: string; contextId: string }): Message | undefined {
  const said = saying(event);
  if (!said || said.parts.length === 0) return undefined;
  return {
    messageId: said.messageId ?? `${place.taskId}-${event.n}`,
    ...place,
    role: 'ROLE_AGENT',
    parts: said.parts,
    ...(said.metadata ? { metadata: said.metadata } : {}),
  };
}

interface Saying {
  readonly parts: readonly Part[];
  readonly messageId?: string;
  readonly metadata?: JsonObject;
}

function saying(event: TaskEvent): Saying | undefined {
  switch (event.type) {
    case 'working':
      return event.body && (event.body.type === 'a2a' ? event.body.value : { parts: partsOf(event.body) });
    case 'progress':
      return event.message === undefined ? undefined : { parts: [{ text: event.message }] };
    case 'asked':
      return asking(event.ask);
    case 'failed':
    case 'canceled':
      return ending(event);
    default:
      return undefined;
  }
}

function asking(ask: Extract<TaskEvent, { type: 'asked' }>['ask']): Saying {
  const metadata = {
    'aip.ask': {
      id: ask.id,
      kind: ask.kind,
      of: ask.of,
      ...(ask.expires === undefined ? {} : { expires: new Date(ask.expires).toISOString() }),
    },
  };
  const words = ask.body['message'] ?? ask.body['summary'] ?? ask.body['text'];
  const text = typeof words === 'string' ? words : `The task waits for an answer (${ask.kind}).`;
  // What an operator is shown is not the caller's to see; what the caller is asked, it gets whole.
  if (ask.of !== 'caller')
    return {
      parts: [
        {
          text: `Waiting for ${ask.of === 'operators' ? 'an operator' : ask.of} to decide: ${ask.kind}. The task goes on by itself once it is decided.`,
        },
      ],
      metadata,
    };
  return { parts: [{ text }, { data: ask.body }], metadata };
}

function ending(event: TaskEvent): Saying | undefined {
  const outcome = outcomeOf(event);
  if (outcome.ok) return undefined;
  return {
    parts: [{ text: outcome.error.message }],
    metadata: { 'aip.error': outcome.error, 'aip.effect': outcome.effect },
  };
}
