import { malformedField } from './check.ts';
import { type Json, type JsonObject, isJsonObject } from './json.ts';

/**
 * What of an A2A 1.0 AgentCard a signature covers (A2A §8.4.1): the fields of the protocol buffer definition,
 * without those at their default value. Everything else in a card is unsigned and must not be trusted.
 *
 * A shape returns the covered part of a value, or undefined if nothing of it remains. Empty texts, lists and
 * objects are dropped at every depth, as the official implementations do.
 */
export type Shape = (value: Json | undefined, field: string) => Json | undefined;

const text: Shape = (value, field) => {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw malformedField(field, 'a text');
  return value;
};

/** A boolean whose absence says something other than false. */
const optionalFlag: Shape = (value, field) => {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw malformedField(field, 'true or false');
  return value;
};

/** A boolean whose default is false. */
const flag: Shape = (value, field) => optionalFlag(value, field) || undefined;

/** A `google.protobuf.Struct`: any object. */
const struct: Shape = (value, field) => {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw malformedField(field, 'an object');
  return withoutEmpty(value);
};

function withoutEmpty(value: Json): Json | undefined {
  if (value === null || value === '') return undefined;
  if (Array.isArray(value)) return unlessEmptyList(value.map(withoutEmpty));
  if (typeof value === 'object')
    return unlessEmptyObject(Object.entries(value).map(([key, item]) => [key, withoutEmpty(item)]));
  return value;
}

function listOf(shape: Shape): Shape {
  return (value, field) => {
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) throw malformedField(field, 'a list');
    return unlessEmptyList(value.map((item, index) => shape(item, `${field}[${index}]`)));
  };
}

function mapOf(shape: Shape): Shape {
  return (value, field) => {
    if (value === undefined || value === null) return undefined;
    if (!isJsonObject(value)) throw malformedField(field, 'an object');
    return unlessEmptyObject(Object.entries(value).map(([key, item]) => [key, shape(item, `${field}.${key}`)]));
  };
}

function message(fields: Readonly<Record<string, Shape>>): Shape {
  return (value, field) => {
    if (value === undefined || value === null) return undefined;
    if (!isJsonObject(value)) throw malformedField(field, 'an object');
    return unlessEmptyObject(
      Object.entries(fields).map(([name, shape]) => [
        name,
        shape(value[name], field === '' ? name : `${field}.${name}`),
      ]),
    );
  };
}

/** A `oneof`: two of its fields at once would mean different things to different readers. */
function oneOf(fields: Readonly<Record<string, Shape>>): Shape {
  const shape = message(fields);
  const names = Object.keys(fields);
  return (value, field) => {
    if (isJsonObject(value) && names.filter((name) => value[name] !== undefined).length > 1) {
      throw malformedField(field, `only one of ${names.join(', ')}`);
    }
    return shape(value, field);
  };
}

function unlessEmptyList(items: readonly (Json | undefined)[]): Json[] | undefined {
  const kept = items.filter((item) => item !== undefined);
  return kept.length > 0 ? kept : undefined;
}

function unlessEmptyObject(members: readonly (readonly [string, Json | undefined])[]): JsonObject | undefined {
  const kept = members.filter((member): member is [string, Json] => member[1] !== undefined);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

const scopes = mapOf(text);
const securityRequirement = message({ schemes: mapOf(message({ list: listOf(text) })) });

const flows = oneOf({
  authorizationCode: message({ authorizationUrl: text, tokenUrl: text, refreshUrl: text, scopes, pkceRequired: flag }),
  clientCredentials: message({ tokenUrl: text, refreshUrl: text, scopes }),
  implicit: message({ authorizationUrl: text, refreshUrl: text, scopes }),
  password: message({ tokenUrl: text, refreshUrl: text, scopes }),
  deviceCode: message({ deviceAuthorizationUrl: text, tokenUrl: text, refreshUrl: text, scopes }),
});

const securityScheme = oneOf({
  apiKeySecurityScheme: message({ description: text, location: text, name: text }),
  httpAuthSecurityScheme: message({ description: text, scheme: text, bearerFormat: text }),
  oauth2SecurityScheme: message({ description: text, flows, oauth2MetadataUrl: text }),
  openIdConnectSecurityScheme: message({ description: text, openIdConnectUrl: text }),
  mtlsSecurityScheme: message({ description: text }),
});

/** The signed part of an AgentCard; its `signatures` are not among the fields. */
export const agentCardShape = message({
  name: text,
  description: text,
  supportedInterfaces: listOf(message({ url: text, protocolBinding: text, tenant: text, protocolVersion: text })),
  provider: message({ url: text, organization: text }),
  version: text,
  documentationUrl: text,
  capabilities: message({
    streaming: optionalFlag,
    pushNotifications: optionalFlag,
    extensions: listOf(message({ uri: text, description: text, required: flag, params: struct })),
    extendedAgentCard: optionalFlag,
  }),
  securitySchemes: mapOf(securityScheme),
  securityRequirements: listOf(securityRequirement),
  defaultInputModes: listOf(text),
  defaultOutputModes: listOf(text),
  skills: listOf(
    message({
      id: text,
      name: text,
      description: text,
      tags: listOf(text),
      examples: listOf(text),
      inputModes: listOf(text),
      outputModes: listOf(text),
      securityRequirements: listOf(securityRequirement),
    }),
  ),
  iconUrl: text,
});
