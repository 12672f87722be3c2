import type { LogRecord } from '../main/log.ts';
import { cut, printable, short, type Style } from './table.ts';
import { clock, took } from './times.ts';

/** Characters of a message, and of a fact, that a line takes; the log as JSON has them whole. */
const LONGEST = 1_000;
const WARN = 40;
const ERROR = 50;

/** A record of the log as a line that people read: time, level, what happened, and the facts about it. */
export const logLine =
  (style: Style) =>
  // The first of several errors stands in the message; the log as JSON has them all.
  ({ level, time, msg, errors: _, ...fields }: LogRecord): string => {
    const facts = Object.entries(fields).map(factOf);
    const message = cut(printable(msg), LONGEST);
    const said = level >= ERROR ? style('red', message) : level >= WARN ? style('yellow', message) : message;
    return [
      style('dim', clock(time)),
      levelOf(level, style),
      said,
      ...(facts.length > 0 ? [facts.map((fact) => style('dim', fact)).join(' ')] : []),
    ].join('  ');
  };

/** Warnings and errors stand out without colours too. */
function levelOf(level: number, style: Style): string {
  if (level >= ERROR) return style('red', 'ERROR');
  if (level >= WARN) return style('yellow', 'WARN ');
  return style('dim', 'info ');
}

function factOf([name, value]: [string, unknown]): string {
  if (name === 'retryInMs' && typeof value === 'number') return `again in ${took(value)}`;
  return `${name}=${valueOf(value)}`;
}

function valueOf(value: unknown): string {
  if (typeof value !== 'string') return cut(printable(JSON.stringify(value)), LONGEST);
  const text = cut(printable(short(value)), LONGEST);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
