import { AipError, isJsonObject, type JsonObject } from '@aip/wire';
import type { Ask, AskKind } from '../../../kernel/ask.ts';
import { valueOf } from '../../../kernel/body.ts';
import { uuidv7 } from '../../../kernel/ids.ts';
import type { RouteCall } from '../../../kernel/route.ts';
import type { EventChannel } from './event-channel.ts';

/** Questions that one call may put. */
const MAX_ASKS = 32;
/** How long a person may take to answer, in milliseconds. */
const ANSWER_WITHIN = 10 * 60_000;

/** One thing that a server wants to know of its caller. */
export interface Question {
  /** The server's name for it, where it has one. */
  readonly key?: string;
  readonly kind: AskKind;
  readonly params: unknown;
}

/** Puts a server's questions to the caller of one call. */
export interface Questioner {
  /** All of these at once; their answers in the same order. */
  ask(questions: readonly Question[]): Promise<JsonObject[]>;
}

export function createQuestioner(call: RouteCall, channel: EventChannel): Questioner {
  let put = 0;
  return {
    async ask(questions) {
      put += questions.length;
      if (put > MAX_ASKS) throw new AipError('RATE_LIMITED', `One call may ask ${MAX_ASKS} times.`);
      const asks = questions.map(({ key, kind, params }, index): Ask => {
        const more = questions.length - 1 - index;
        return {
          id: uuidv7(),
          of: 'caller',
          kind,
          body: isJsonObject(params) ? params : {},
          ...(key === undefined ? {} : { key }),
          ...(more === 0 ? {} : { more }),
          expires: Date.now() + ANSWER_WITHIN,
        };
      });
      const answers = asks.map(({ id }) => call.answer(id));
      for (const ask of asks) channel.push({ type: 'asked', ask });
      return (await within(Promise.all(answers), ANSWER_WITHIN)).map((body) => {
        const value = valueOf(body);
        return isJsonObject(value) ? value : {};
      });
    },
  };
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AipError('TIMEOUT', 'Nobody has answered in time.')), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
