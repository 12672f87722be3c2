import type { Route } from '../kernel/route.ts';

/** The ways to targets, by owner: an agent's DID, a server's name, an operation domain. */
export interface Routes {
  /** Binds the way to an owner; a later binding replaces it. The returned function unbinds only its own. */
  bind(owner: string, route: Route): () => void;
  get(owner: string): Route | undefined;
  /** Resolves when the owner has a route, undefined after `timeout` milliseconds. */
  whenBound(owner: string, timeout: number): Promise<Route | undefined>;
  /** Says that an owner has just been let in, and is about to come. */
  arrives(owner: string): void;
  /** Resolves when such an owner has come, or takes too long; undefined when nobody like that is waited for. */
  arriving(owner: string): Promise<unknown> | undefined;
  /** Whether anybody is. */
  readonly awaitsArrivals: boolean;
  /** Says that what an owner offers is being found out, until `known` resolves. */
  expect(owner: string, known: Promise<void>): void;
  /** Resolves when it is known what the owner, or every owner, offers, or takes too long; undefined when it is known. */
  expected(owner?: string): Promise<unknown> | undefined;
}

/** How long those who want to see what an owner offers wait for one that has just begun, in milliseconds. */
const PATIENCE = 5_000;
/** How long an agent that has been admitted may take to come back, in milliseconds: more than the SDK's wait at the door. */
const ARRIVAL = 8_000;

export function createRoutes(): Routes {
  const routes = new Map<string, Route>();
  const waiting = new Map<string, Set<(route: Route) => void>>();
  const coming = new Map<string, Promise<void>>();
  const arrivals = new Map<string, Promise<void>>();

  function whenBound(owner: string, timeout: number): Promise<Route | undefined> {
    const bound = routes.get(owner);
    if (bound) return Promise.resolve(bound);
    return new Promise((resolve) => {
      const wakers = waiting.get(owner) ?? new Set();
      waiting.set(owner, wakers);
      const timer = setTimeout(() => {
        wakers.delete(wake);
        if (wakers.size === 0 && waiting.get(owner) === wakers) waiting.delete(owner);
        resolve(undefined);
      }, timeout).unref();
      const wake = (route: Route): void => {
        clearTimeout(timer);
        resolve(route);
      };
      wakers.add(wake);
    });
  }

  return {
    bind(owner, route) {
      routes.set(owner, route);
      for (const wake of waiting.get(owner) ?? []) wake(route);
      waiting.delete(owner);
      return () => {
        if (routes.get(owner) === route) routes.delete(owner);
      };
    },
    get: (owner) => routes.get(owner),
    whenBound,
    arrives(owner) {
      const settled = whenBound(owner, ARRIVAL).then(() => {
        if (arrivals.get(owner) === settled) arrivals.delete(owner);
      });
      arrivals.set(owner, settled);
    },
    arriving: (owner) => arrivals.get(owner),
    get awaitsArrivals() {
      return arrivals.size > 0;
    },
    expect(owner, known) {
      const settled = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE).unref();
        void known.then(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      coming.set(owner, settled);
      void settled.then(() => {
        if (coming.get(owner) === settled) coming.delete(owner);
      });
    },
    expected(owner) {
      if (coming.size === 0) return undefined;
      return owner === undefined ? Promise.all(coming.values()) : coming.get(owner);
    },
  };
}
