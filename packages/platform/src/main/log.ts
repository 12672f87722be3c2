import pino, { type Logger } from 'pino';

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;

/** What the logger says at one time; its other members are the fields. */
export interface LogRecord extends Readonly<Record<string, unknown>> {
  readonly level: number;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly msg: string;
}

/**
 * Lines on standard error: standard output belongs to the ready line. JSON, for programs, unless `render` makes of a
 * record what people read. Known secrets are cut out of either.
 */
export function createLogger(level: string, render?: (record: LogRecord) => string): Logger {
  const options = {
    level,
    base: null,
    redact: ['headers.authorization', 'token', 'join_token', '*.token', '*.join_token'],
  };
  const standardError = pino.destination(2);
  if (!render) return pino(options, standardError);
  return pino(options, { write: (line) => standardError.write(`${render(JSON.parse(line) as LogRecord)}\n`) });
}

export const logWith =
  (logger: Logger): Log =>
  (level, message, fields) =>
    logger[level](fields ?? {}, message);
