import { AipError } from '@aip/wire';
import { variablesIn, variablesOfTemplate } from '../kernel/uri-template.ts';

/** Throws CONFIG_INVALID for a URI template whose variables cannot be told from a URI. */
export function checkTemplate(template: string): void {
  if (!variablesOfTemplate(template))
    throw new AipError('CONFIG_INVALID', `"${template}" is no template such as /weather/{city}{?units}.`);
}

/**
 * The variables of a template in the URI that is read, which the exchange has made canonical; none in the one of a
 * listed resource. Throws NOT_FOUND for a URI of another shape.
 */
export function variablesOf(template: string, uri: string): Readonly<Record<string, string>> {
  const found = uri === template ? {} : variablesIn(template, uri);
  if (found) return found;
  throw new AipError('NOT_FOUND', `${uri.slice(0, 200)} is not of the form ${template}.`);
}
