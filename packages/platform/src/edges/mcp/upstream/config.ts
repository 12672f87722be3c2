import { AipError } from '@aip/wire';
import type { Effect, TaskSupport } from '../../../kernel/catalogue.ts';
import type { SecretOrText, SecretReference } from '../../../kernel/secret.ts';
import { SERVER_NAME, SERVER_NAME_RULE } from '../../../kernel/server-name.ts';

/** What the operator says about a server's tools; what the server says about them itself is not believed. */
export interface UpstreamGovernance {
  /** What each tool changes. */
  readonly effects?: Readonly<Record<string, Effect>>;
  /** For tools not named in `effects`; `external` unless set. */
  readonly default_effect?: Effect;
  /** Integer units for one call, by tool. */
  readonly prices?: Readonly<Record<string, number>>;
  readonly default_price?: number;
  /** Tools whose calls may, or can only, be answered with a task; what a server of 2025-11-25 says of them itself counts as well. */
  readonly tasks?: Readonly<Record<string, TaskSupport>>;
  /** How closely its tools are watched for changes; `enforce` unless set. */
  readonly pin?: 'off' | 'warn' | 'enforce';
}

/** A server that runs as a process of this machine and is spoken to over its standard input and output. */
export interface ProcessUpstream<Value = SecretOrText> extends UpstreamGovernance {
  readonly command: string;
  readonly args?: readonly string[];
  /** The process sees these, PATH, HOME and LANG, and nothing else of the platform's environment. */
  readonly env?: Readonly<Record<string, Value>>;
  readonly cwd?: string | undefined;
}

/** A server reached over Streamable HTTP. */
export interface HttpUpstream<Value = SecretOrText> extends UpstreamGovernance {
  readonly url: string;
  readonly headers?: Readonly<Record<string, Value>>;
  readonly oauth?: OAuthSettings | undefined;
}

/** How the platform logs in to a server that wants OAuth (MCP 2026-07-28, authorization). */
export interface OAuthSettings {
  /** Each caller for itself (the default), or the platform for everybody. */
  readonly grant?: 'authorization_code' | 'client_credentials';
  /** The only authorization server that may be used; may be inside, since an operator names it here. */
  readonly issuer?: string | undefined;
  /** Asked for beside those that the server asks for. */
  readonly scopes?: readonly string[];
  /** A client registered beforehand; else a metadata document or dynamic registration is used. */
  readonly client_id?: string | undefined;
  readonly client_secret?: string | SecretReference | undefined;
  /** PKCS #8 in PEM: for `private_key_jwt` (RFC 7523). */
  readonly private_key?: string | SecretReference | undefined;
  /** JWS algorithm of that key. */
  readonly key_algorithm?: string;
}

export type UpstreamConfig = ProcessUpstream | HttpUpstream;

/** Structured log lines; `server` is among the fields. */
export type UpstreamLog = (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;

export function checkName(name: string): void {
  if (SERVER_NAME.test(name)) return;
  throw new AipError('CONFIG_INVALID', `mcp.servers.${name.slice(0, 64)}: a name has ${SERVER_NAME_RULE}.`);
}
