/** Where a platform on this machine is, from flags, variables and `aip.yaml`. */
export interface Settings {
  readonly url: string;
  readonly dataDir: string;
  /** Holds the operator's token, made on the first start, readable by its owner only. */
  readonly tokenFile: string;
  /** The operator's token where it is set instead of made. */
  readonly adminToken: string | undefined;
}

/** Flags by the name of their setting; those not given are undefined. */
export type Flags = Readonly<Record<string, unknown>>;

export interface StartOptions {
  readonly flags: Flags;
  /** One edge only, beside health and metrics. */
  readonly only?: 'mcp' | 'a2a';
  /** For people: readable log lines, and a new start when `aip.yaml` changes. */
  readonly dev?: boolean;
}

/** A platform that runs in this process. */
export interface Running {
  readonly url: string;
  /** Opens the dashboard once; absent where no dashboard is served. */
  readonly loginUrl?: string;
  stop(): Promise<void>;
}

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** What happens in this process instead of at a platform that runs already. */
export interface Local {
  /** Throws CONFIG_INVALID. */
  settings(flags: Flags): Settings;
  start(options: StartOptions): Promise<Running>;
  /** Speaks MCP on standard input and output until the client leaves. */
  serveStdio(flags: Flags): Promise<void>;
  /** Verifies a log: an exported file, or the data folder itself, also while no platform runs. */
  verifyAudit(source: { readonly exported: string } | { readonly dataDir: string }): Promise<readonly Check[]>;
  /** Looks at the data folder: its files and their permissions, the policies, the log. */
  inspect(settings: Settings): Promise<readonly Check[]>;
}
