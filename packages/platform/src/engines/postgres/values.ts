import type { Json } from '@aip/wire';
import pg from 'pg';

const { builtins } = pg.types;
/** Times as the database writes them: a Date would move them to this machine's zone. */
const AS_TEXT: ReadonlySet<number> = new Set([
  builtins.DATE,
  builtins.TIME,
  builtins.TIMETZ,
  builtins.TIMESTAMP,
  builtins.TIMESTAMPTZ,
  builtins.INTERVAL,
]);

const INT8: number = builtins.INT8;

/** How values are taken from the wire. */
export const ROW_TYPES: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text') => {
    if (AS_TEXT.has(oid)) return (text: string) => text;
    return oid === INT8 ? safeInteger : pg.types.getTypeParser(oid, format);
  }) as typeof pg.types.getTypeParser,
};

/** An integer beyond a double stays text. */
const safeInteger = (text: string): number | string => (Number.isSafeInteger(Number(text)) ? Number(text) : text);

/** A value as JSON: bytes in base64, what JSON has no number for as text. */
export const jsonOf = (value: unknown): Json => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : (value as Json);
};
