import type { WebSocket } from 'ws';

/** Reading from a socket stops while anybody holds it: that is how a sender feels a slow receiver. */
export interface Reading {
  /** Returns the release, which may be called once. */
  hold(): () => void;
  /** Counts one frame in handling; the returned function says that it is done. */
  begin(): () => void;
  /** Whether nothing is read now, not even a sign of life. */
  readonly held: boolean;
}

export function createReading(socket: WebSocket, maxHandling: number): Reading {
  let holds = 0;
  let handling = 0;

  function adjust(): void {
    if (holds > 0 || handling >= maxHandling) socket.pause();
    else if (socket.isPaused) socket.resume();
  }

  return {
    hold() {
      holds++;
      adjust();
      return () => {
        holds--;
        adjust();
      };
    },
    begin() {
      if (++handling === maxHandling) adjust();
      return () => {
        if (handling-- === maxHandling) adjust();
      };
    },
    get held() {
      return socket.isPaused;
    },
  };
}
