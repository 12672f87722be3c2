import { AipError, isJsonObject, type JsonObject } from '@aip/wire';
import { argumentsOf } from '../../kernel/body.ts';
import { readResultOf } from '../answer.ts';
import { createApi, type ApiContext, type Outgoing } from '../api.ts';
import { resourceEntry } from '../entry.ts';
import { inPath, inQuery } from '../openapi/serialise.ts';
import type { HttpSettings } from '../settings.ts';
import type { Offer, Source } from '../source.ts';
import { uriTemplate, variablesOf } from '../uri-template.ts';

/** Not https: that scheme is for what a client can fetch by itself (MCP 2026-07-28, resources, common URI schemes). */
const SCHEME = 'api://';

/** What an HTTP API has at certain paths, as resources. They are read by GET only. */
export function httpSource(name: string, settings: HttpSettings, context: ApiContext): Source {
  const { auth, headers, timeout_seconds, base_url, max_bytes } = settings;
  const api = createApi({ baseUrl: base_url, named: true, auth, headers, timeoutSeconds: timeout_seconds }, context);

  return {
    kind: 'http',
    async load() {
      const offers = Object.entries(settings.resources).map(([title, { path, description, mime_type }]): Offer => {
        const template = uriTemplate(SCHEME + path);
        const words = { uri: template.template, name: title, description };
        return {
          entry: resourceEntry(name, { ...words, ...(mime_type === undefined ? {} : { mimeType: mime_type }) }),
          async perform({ message, signal }) {
            const args = argumentsOf(message.body);
            const answer = await api.send(requestOf(path, textsIn(variablesOf(template, args))), signal);
            const uri = typeof args['uri'] === 'string' ? args['uri'] : template.template;
            return { type: 'mcp', value: readResultOf(answer, uri, max_bytes, mime_type) };
          },
        };
      });
      return { offers, problems: [] };
    },
  };
}

const style = (name: string) => ({ name, style: 'simple', explode: false, allowReserved: false, json: false });

/** Throws INVALID_ARGUMENT for a variable of the path that is missing or would lead to another path. */
function requestOf(template: string, variables: Readonly<Record<string, string>>): Outgoing {
  const [, path = '', query = ''] = /^([^?]*?)(?:\{\?([^{}]*)\})?$/.exec(template) ?? [];
  return {
    method: 'GET',
    path: path.replaceAll(/\{(\+?)([^{}]+)\}/g, (_, reserved: string, name: string) => {
      const value = variables[name];
      if (value === undefined) throw new AipError('INVALID_ARGUMENT', `${name}: required, and not given.`);
      const parts = reserved === '' ? [value] : value.split('/');
      return parts.map((part) => inPath(style(name), part)).join('/');
    }),
    query: query.split(',').flatMap((name) => {
      const value = variables[name];
      return value === undefined ? [] : inQuery({ ...style(name), style: 'form' }, value);
    }),
  };
}

const textsIn = (args: JsonObject): Record<string, string> =>
  Object.fromEntries(
    Object.entries(args).flatMap(([key, value]) =>
      value === null || isJsonObject(value) || Array.isArray(value) ? [] : [[key, String(value)]],
    ),
  );
