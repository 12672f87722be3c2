import { AipError } from '@aip/wire';
import type { Effect } from '../../../kernel/catalogue.ts';

/** What the operator says about a server's tools; what the server says about them itself is not believed. */
export interface UpstreamGovernance {
  /** What each tool changes. */
  readonly effects?: Readonly<Record<string, Effect>>;
  /** For tools not named in `effects`; `external` unless set. */
  readonly default_effect?: Effect;
  /** Integer units for one call, by tool. */
  readonly prices?: Readonly<Record<string, number>>;
  readonly default_price?: number;
}

/** A server that runs as a process of this machine and is spoken to over its standard input and output. */
export interface ProcessUpstream extends UpstreamGovernance {
  readonly command: string;
  readonly args?: readonly string[];
  /** The process sees these, PATH, HOME and LANG, and nothing else of the platform's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

/** A server reached over Streamable HTTP. */
export interface HttpUpstream extends UpstreamGovernance {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type UpstreamConfig = ProcessUpstream | HttpUpstream;

/** Structured log lines; `server` is among the fields. */
export type UpstreamLog = (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/i;
/** Words that already mean something as an owner or in a path. */
const RESERVED: ReadonlySet<string> = new Set(['aip', 'operations', 'v']);

export function checkName(name: string): void {
  if (NAME.test(name) && !RESERVED.has(name.toLowerCase())) return;
  throw new AipError(
    'CONFIG_INVALID',
    `mcp.servers.${name.slice(0, 64)}: a name has letters, digits, dash and underscore, at most 32, and is none of ${[...RESERVED].join(', ')}.`,
  );
}
