import pino, { type Logger } from 'pino';

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;

/** Structured JSON lines on standard error: standard output belongs to the ready line. Known secrets are cut out. */
export function createLogger(level: string, pretty: boolean): Logger {
  const options = {
    level,
    base: null,
    redact: ['headers.authorization', 'token', 'join_token', '*.token', '*.join_token'],
  };
  if (pretty)
    return pino({
      ...options,
      transport: { target: 'pino-pretty', options: { destination: 2, ignore: 'pid,hostname' } },
    });
  return pino(options, pino.destination(2));
}

export const logWith =
  (logger: Logger): Log =>
  (level, message, fields) =>
    logger[level](fields ?? {}, message);
