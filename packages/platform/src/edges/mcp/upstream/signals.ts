import { isJsonObject, type JsonObject } from '@aip/wire';
import type { RouteCall } from '../../../kernel/route.ts';
import type { EventChannel } from './event-channel.ts';

/** Something in a result that speaks to the model instead of answering it. */
export type Signal = 'instructions to a model' | 'hidden characters';

/** Characters of a result that are looked at. */
const MAX_LOOKED_AT = 256 * 1024;

/** How injected instructions begin, in the wording that published attacks share. It proves nothing; it says: look here. */
const INSTRUCTIONS =
  /\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|earlier|all|your)\b.{0,40}\b(?:instructions?|prompts?|rules|guidelines)\b|<\/?(?:system|important|instructions?)>|\bdo not (?:tell|mention|inform|reveal)\b.{0,60}\buser\b/is;
/** Tags, zero-width and bidirectional controls that no script and no emoji needs: unseen by people, read by models. */
const HIDDEN = /[\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069]|\udb40[\udc00-\udc7f]/;

/** What is to be said of a tool's result; the result itself passes whole. */
export function signalsIn(result: JsonObject): Signal[] {
  const text = textOf(result);
  return [
    ...(INSTRUCTIONS.test(text) ? (['instructions to a model'] as const) : []),
    ...(HIDDEN.test(text) ? (['hidden characters'] as const) : []),
  ];
}

function textOf({ content }: JsonObject): string {
  if (!Array.isArray(content)) return '';
  let text = '';
  for (const block of content) {
    if (!isJsonObject(block) || typeof block['text'] !== 'string') continue;
    text += `${block['text'].slice(0, MAX_LOOKED_AT - text.length)}\n`;
    if (text.length >= MAX_LOOKED_AT) break;
  }
  return text;
}

/** On record with the call, and seen by clients that listen to warnings. */
export function raiseSignals(result: JsonObject, { entry }: RouteCall, channel: EventChannel): void {
  const signals = signalsIn(result);
  if (signals.length === 0) return;
  const value = { server: entry.owner, tool: entry.name, signals: [...signals] };
  channel.push({ type: 'log', level: 'warning', logger: 'aip.signals', data: { type: 'data', value } });
}
