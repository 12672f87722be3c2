import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a measured server tells the bench: where it listens, then its CPU time and memory whenever asked. */
export interface Usage {
  /** User and system time of the whole process, microseconds. */
  readonly cpu: number;
  /** Resident set size, bytes. */
  readonly rss: number;
}

export function announce(server: Server, facts: Readonly<Record<string, string>> = {}): void {
  const { port } = server.address() as AddressInfo;
  tell({ url: `http://127.0.0.1:${port}`, ...facts });
}

export function tell(facts: Readonly<Record<string, string>>): void {
  process.send?.(facts);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() } satisfies Usage);
  });
  process.on('disconnect', () => process.exit(0));
}
