import { AipError } from './errors.ts';
import { type Json, isJsonObject } from './json.ts';

/**
 * Hand-made checks for what arrives on the wire: each throws MALFORMED_MESSAGE with the path of the wrong field,
 * in the message and in `details.field`.
 */
export type Check = (value: Json | undefined, field: string) => void;

export function malformedField(field: string, expected: string): AipError {
  return new AipError('MALFORMED_MESSAGE', `${field} must be ${expected}.`, { details: { field } });
}

/** @param max in UTF-16 code units */
export function text(max: number, min = 0): Check {
  return (value, field) => {
    if (typeof value !== 'string' || value.length < min || value.length > max) {
      throw malformedField(field, `a text of ${min} to ${max} characters`);
    }
  };
}

export function matching(pattern: RegExp, max: number, expected: string): Check {
  return (value, field) => {
    if (typeof value !== 'string' || value.length > max || !pattern.test(value)) throw malformedField(field, expected);
  };
}

export function oneOf(...values: readonly string[]): Check {
  return (value, field) => {
    if (typeof value !== 'string' || !values.includes(value))
      throw malformedField(field, `one of ${values.join(', ')}`);
  };
}

export const flag: Check = (value, field) => {
  if (typeof value !== 'boolean') throw malformedField(field, 'true or false');
};

/** A number from `min` on; JSON has no infinities. */
export function numberFrom(min: number): Check {
  return (value, field) => {
    if (typeof value !== 'number' || value < min) throw malformedField(field, `a number of at least ${min}`);
  };
}

export function integerFrom(min: number): Check {
  return (value, field) => {
    if (!Number.isSafeInteger(value) || (value as number) < min) {
      throw malformedField(field, `an integer of at least ${min}`);
    }
  };
}

/** Any JSON, but present. */
export const anything: Check = (value, field) => {
  if (value === undefined) throw malformedField(field, 'present');
};

export const anyObject: Check = (value, field) => {
  if (!isJsonObject(value)) throw malformedField(field, 'an object');
};

export function optional(check: Check): Check {
  return (value, field) => {
    if (value !== undefined) check(value, field);
  };
}

export function nullable(check: Check): Check {
  return (value, field) => {
    if (value !== null) check(value, field);
  };
}

export function listOf(check: Check, max: number): Check {
  return (value, field) => {
    if (!Array.isArray(value) || value.length > max) throw malformedField(field, `a list of at most ${max} items`);
    value.forEach((item, index) => check(item, `${field}[${index}]`));
  };
}

/** Checks the named fields; others may be there and mean nothing to us. */
export function object(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields);
  return (value, field) => {
    if (!isJsonObject(value)) throw malformedField(field, 'an object');
    for (const [name, check] of checks) check(value[name], field === '' ? name : `${field}.${name}`);
  };
}

/** Like {@link object}, but refuses every field that is not named. */
export function closedObject(fields: Readonly<Record<string, Check>>): Check {
  const checkFields = object(fields);
  return (value, field) => {
    checkFields(value, field);
    for (const name in value as object) {
      if (!Object.hasOwn(fields, name)) {
        throw new AipError('MALFORMED_MESSAGE', `There is no field ${JSON.stringify(name.slice(0, 64))} here.`, {
          details: { field: field === '' ? name.slice(0, 64) : `${field}.${name.slice(0, 64)}` },
        });
      }
    }
  };
}
