import type { JsonObject } from '@aip/wire';
import { z } from 'zod';

/** Formats that JSON Schema knows (2020-12 Validation §7.3) and zod has; the others are names of zod's own checks. */
const FORMATS = new Set(['date-time', 'date', 'time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid']);

/** A zod schema as JSON Schema 2020-12; what has no counterpart there takes anything. */
export const jsonSchemaOf = (schema: z.ZodType, io: 'input' | 'output'): JsonObject =>
  z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (typeof jsonSchema.format === 'string' && !FORMATS.has(jsonSchema.format)) delete jsonSchema.format;
      const patterns = new Map(caselessOf(zodSchema).map(({ source }) => [source, eitherCase(source)]));
      for (const place of [jsonSchema, ...(jsonSchema.allOf ?? [])]) {
        const spelled = place.pattern === undefined ? undefined : patterns.get(place.pattern);
        if (spelled !== undefined) place.pattern = spelled;
      }
    },
  }) as JsonObject;

/** The expressions of a schema that take either case. */
function caselessOf(schema: z.core.$ZodType): RegExp[] {
  const checks = schema._zod.def.checks ?? [];
  const patterns = checks.map(({ _zod: { def } }) => ('pattern' in def ? def.pattern : undefined));
  return patterns.filter((pattern) => pattern instanceof RegExp).filter(({ ignoreCase }) => ignoreCase);
}

/** The source of an expression with both cases spelled out: `pattern` has no place for flags. */
function eitherCase(source: string): string {
  // An escape, the opening or closing of a class, a range of letters, one letter, or anything else.
  const parts = source.match(/\\.|[a-z]-[a-z]|./gisu) ?? [];
  let inClass = false;
  return parts
    .map((part) => {
      if (part === '[' || part === ']') inClass = part === '[';
      if (!/^[a-z](?:-[a-z])?$/i.test(part)) return part;
      const both = part.toLowerCase() + part.toUpperCase();
      if (inClass) return both;
      return part.replaceAll(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
    })
    .join('');
}
