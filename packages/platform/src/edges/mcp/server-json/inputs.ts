import { AipError } from '@aip/wire';
import type { RegistryInput, RegistryTemplate } from './document.ts';

/** Something that whoever uses the server has to say, or may. */
export interface Need {
  /** By which it is given: the name of a variable, header, flag or placeholder. */
  readonly key: string;
  readonly description?: string;
  readonly required: boolean;
  readonly secret: boolean;
  readonly fallback?: string;
  readonly choices?: readonly string[];
}

/** Values by the key of the {@link Need}. */
export type Values = Readonly<Record<string, string>>;

const PLACEHOLDER = /\{([^{}\s]+)\}/g;

const needOf = (key: string, input: RegistryInput): Need => ({
  key,
  required: input.isRequired,
  secret: input.isSecret,
  ...(input.description === undefined ? {} : { description: input.description }),
  ...(input.default === undefined ? {} : { fallback: input.default }),
  ...(input.choices === undefined ? {} : { choices: input.choices }),
});

/** What is to be asked for an input: the variables in its fixed value, or else itself. */
export function needsOf(key: string, input: RegistryTemplate): Need[] {
  return input.value === undefined ? [needOf(key, input)] : variableNeeds(input.value, input.variables);
}

export const variableNeeds = (template: string, variables: Readonly<Record<string, RegistryInput>>): Need[] =>
  namesIn(template, variables).map((name) => {
    const need = needOf(name, variables[name] as RegistryInput);
    // A text with a hole in it is of no use.
    return { ...need, required: true };
  });

/** Whether its value is a secret, or has one in it. */
export const isSecret = (input: RegistryTemplate): boolean =>
  input.isSecret ||
  (input.value !== undefined && variableNeeds(input.value, input.variables).some(({ secret }) => secret));

/** The input's value; undefined when it is optional and was not given. Throws CONFIG_INVALID. */
export function valueOf(key: string, input: RegistryTemplate, values: Values): string | undefined {
  if (input.value !== undefined) return filled(input.value, input.variables, values);
  return chosen(needOf(key, input), values);
}

/** The template with its variables filled in; what is no variable stays as it stands. */
export const filled = (template: string, variables: Readonly<Record<string, RegistryInput>>, values: Values): string =>
  template.replaceAll(PLACEHOLDER, (whole, name: string) =>
    Object.hasOwn(variables, name)
      ? (chosen({ ...needOf(name, variables[name] as RegistryInput), required: true }, values) ?? whole)
      : whole,
  );

function namesIn(template: string, variables: Readonly<Record<string, RegistryInput>>): string[] {
  const names = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name as string);
  return [...new Set(names)].filter((name) => Object.hasOwn(variables, name));
}

function chosen({ key, required, fallback, choices }: Need, values: Values): string | undefined {
  const value = (Object.hasOwn(values, key) ? values[key] : undefined) ?? fallback;
  if (value === undefined && required) throw new AipError('CONFIG_INVALID', `${key} is needed.`);
  if (value !== undefined && choices && !choices.includes(value))
    throw new AipError('CONFIG_INVALID', `${key} is one of ${choices.join(', ')}.`);
  // One line each: what goes into a header or an argument is no place for a second.
  if (value !== undefined && /[\0\r\n]/.test(value))
    throw new AipError('CONFIG_INVALID', `${key} may not have line breaks.`);
  return value;
}
