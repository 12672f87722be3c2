import { AipError, type JsonObject } from '@aip/wire';
import { argumentsOf, data, type Body } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Draft } from '../kernel/message.ts';
import { coversUri, expandTemplate } from '../kernel/uri-template.ts';
import { canonicalUri, uriKey } from '../kernel/uri.ts';
import type { Catalogue } from './catalogue.ts';

/** The target that the guards decide on, and a body that asks it for nothing else. */
export interface Meant {
  readonly target: CatalogueEntry;
  readonly body: Body;
}

/**
 * Which resource a reading means: policies must decide on the one that is read, and find its URI among the arguments. A
 * template stands for what its `uri`, or its variables, come to: for the listed resource of that URI if there is one,
 * else for the nearest template, with the canonical URI. A listed resource is itself alone. Throws INVALID_ARGUMENT for
 * another `uri`, and for one that cannot be told.
 */
export function resourceMeant(catalogue: Catalogue, target: CatalogueEntry, { body, native }: Draft): Meant {
  if (target.kind !== 'resource' && target.kind !== 'template') return { target, body };
  // Completing a template's argument reads nothing; it names the template itself.
  if (native?.['complete'] !== undefined) return { target, body };
  const args = argumentsOf(body);
  const { uri: given } = args;
  if (given !== undefined && typeof given !== 'string') throw new AipError('INVALID_ARGUMENT', 'uri: no text.');
  if (target.kind === 'resource') {
    if (given === target.name) return { target, body };
    if (given !== undefined && !means(given, target.name)) throw differs(given, target);
    return { target, body: withUri(args, target.name) };
  }
  const uri = given === undefined || given === target.name ? expandTemplate(target.name, args) : given;
  if (uri === undefined) {
    // A method of an extension may ask its server for something else than a resource.
    if (given === undefined && native?.['extension'] !== undefined) return { target, body };
    throw new AipError(
      'INVALID_ARGUMENT',
      `uri: required, or each variable of ${target.name.slice(0, 200)} as a text, number or boolean.`,
    );
  }
  const found = catalogue.reading(target.owner, uri);
  const listed = found?.entry.kind === 'resource';
  const asked = listed && found.uri === uri ? uri : canonicalUri(uri);
  if (!coversUri(target.name, asked)) throw differs(uri, target);
  return { target: found?.entry ?? target, body: withUri(args, listed ? found.uri : asked) };
}

function means(uri: string, listed: string): boolean {
  const key = uriKey(uri);
  return key !== undefined && key === uriKey(listed);
}

const withUri = (args: JsonObject, uri: string): Body => data({ ...args, uri });

const differs = (uri: string, { name }: CatalogueEntry): AipError =>
  new AipError('INVALID_ARGUMENT', `uri: ${uri.slice(0, 200)} is not ${name.slice(0, 200)}, which is read here.`);
