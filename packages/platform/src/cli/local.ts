import type { AuditReport } from '../governance/audit/index.ts';

/** Where a platform on this machine is, from flags, variables and `aip.yaml`. */
export interface Settings {
  readonly url: string;
  readonly dataDir: string;
  /** Holds the operator's token, made on the first start, readable by its owner only. */
  readonly tokenFile: string;
  /** The operator's token where it is set instead of made. */
  readonly adminToken: string | undefined;
  /** No platform runs on a data folder that was named as the one to look in: another is not to be asked instead. */
  readonly idle?: boolean;
  /** What is wrong with the other settings, with which no platform would start; nothing of them was needed here. */
  readonly faults?: readonly string[];
}

/** Flags by the name of their setting; those not given are undefined. */
export type Flags = Readonly<Record<string, unknown>>;

export interface StartOptions {
  readonly flags: Flags;
  /** One edge only, beside health and metrics. */
  readonly only?: 'mcp' | 'a2a';
  /** For people: readable log lines, a policy for trying things out, and a new start when `aip.yaml` changes. */
  readonly dev?: boolean;
}

/** A platform that runs in this process. */
export interface Running {
  readonly url: string;
  /** Opens the dashboard once; undefined while none is built. */
  readonly loginUrl: string | undefined;
  stop(): Promise<void>;
}

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Nothing is wrong: it does not run. */
  readonly idle?: true;
  /** Nothing is wrong, but somebody has to decide. */
  readonly waits?: true;
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** What is to be verified, and, to be sure whose it is, the platform that has to have written it. */
export type AuditSource = ({ readonly exported: string } | { readonly dataDir: string }) & {
  readonly gateway?: string;
  /** The text of a checkpoint that was kept elsewhere. */
  readonly kept?: string;
};

/** What happens in this process instead of at a platform that runs already. */
export interface Local {
  /** Throws CONFIG_INVALID when one of the settings that lead to a platform is wrong. */
  settings(flags: Flags): Settings;
  start(options: StartOptions): Promise<Running>;
  /** Speaks MCP on standard input and output until the client leaves or it is stopped: everything, or one virtual server. */
  serveStdio(flags: Flags, stopped: Promise<void>, virtual?: string): Promise<void>;
  /** Keeps secrets in the vault of a data folder. false when a platform runs on it, which keeps its own. */
  keepSecrets(dataDir: string, secrets: Readonly<Record<string, string>>): Promise<boolean>;
  /** Verifies an exported log, or those in a data folder, also while a platform runs on it. */
  verifyAudit(source: AuditSource): Promise<readonly AuditReport[]>;
  /** Writes the log in a data folder to a file that must not exist yet; resolves with the number of entries. */
  exportAudit(dataDir: string, file: string): Promise<number>;
  /** Looks at the data folder: its files and their permissions, the policies, the log. */
  inspect(settings: Settings): Promise<readonly Check[]>;
  /** Asks each OAuth issuer of the settings for its metadata and its keys. */
  inspectIssuers(): Promise<readonly Check[]>;
}
