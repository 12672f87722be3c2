import type { JsonObject } from '@aip/wire';

export type AskKind =
  | 'approval'
  | 'sampling'
  | 'elicitation'
  | 'roots'
  | 'input'
  | 'payment'
  | 'admission'
  | 'reconcile';

/** Someone is asked in the middle of a task. The answer is a governed message with `inReplyTo`. */
export interface Ask {
  readonly id: string;
  readonly of: 'caller' | 'operators' | `agent:${string}`;
  readonly kind: AskKind;
  /** What is asked, in the words of its kind (an MCP request's params, an approval's summary). */
  readonly body: JsonObject;
  /** Milliseconds since the Unix epoch. */
  readonly expires?: number;
}
