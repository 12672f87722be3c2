import { WebSocket } from 'ws';

/** Close codes with which `ws` itself ends a connection: protocol error, bytes that are not UTF-8, message too big. */
const FAILURES: ReadonlySet<number> = new Set([1002, 1007, 1009]);

/** A socket that lets its connection say why before a failure closes it. */
export class IoapSocket extends WebSocket {
  beforeFailing: (code: number) => void = () => {};

  override close(code?: number, reason?: string | Buffer): void {
    if (code !== undefined && FAILURES.has(code) && this.readyState === WebSocket.OPEN) this.beforeFailing(code);
    super.close(code, reason);
  }
}
