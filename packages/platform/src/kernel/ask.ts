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
  /** The name by which the one who asks knows it, where it has one. */
  readonly key?: string;
  /** How many more are asked together with it, in the events right after: nothing goes on before all are answered. */
  readonly more?: number;
  /** Milliseconds since the Unix epoch. */
  readonly expires?: number;
}
