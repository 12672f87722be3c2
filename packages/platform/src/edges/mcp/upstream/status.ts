/** How one server is. */
export interface UpstreamStatus {
  readonly name: string;
  /** `login_needed`: nobody whom the server lets in has logged in; see `mcp.login`. */
  readonly state: 'starting' | 'active' | 'offline' | 'login_needed' | 'stopped';
  readonly transport: 'stdio' | 'http';
  readonly era?: 'modern' | 'legacy';
  /** Milliseconds since the Unix epoch: how long it has been so. */
  readonly since: number;
  readonly tools: number;
  /** Of the child process. */
  readonly pid?: number;
  /** Milliseconds that calls have taken lately. */
  readonly latency?: number;
  /** Times a connection has been lost or not been made. */
  readonly failures: number;
  /** The origin of its URL, or the program of its command: the rest of either may hold secrets. */
  readonly reached: string;
  /** Why it is not active. */
  readonly error?: string;
  /** What its process said last on standard error before it was lost, secrets hidden; while it is not active. */
  readonly stderr?: readonly string[];
}
