/**
 * A map with a bound: keeps what has been used most recently. It ages in two generations, so that a busy key
 * costs no more than in any map (deleting and setting a key again and again leaves ever longer chains in V8's).
 */
export interface RecentMap<V> {
  has(key: string): boolean;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** Lets go of what has not been used for long, if the bound is reached: at least the younger half stays. */
  trim(): void;
}

/** @param limit entries that are kept at most, as long as `trim` is called after each change that may pass it */
export function createRecentMap<V extends {} | null>(limit: number): RecentMap<V> {
  let young = new Map<string, V>();
  let old = new Map<string, V>();

  return {
    has: (key) => young.has(key) || old.has(key),
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const aged = old.get(key);
      if (aged !== undefined) young.set(key, aged);
      return aged;
    },
    set: (key, value) => void young.set(key, value),
    delete(key) {
      young.delete(key);
      old.delete(key);
    },
    trim() {
      if (young.size < limit / 2) return;
      old = young;
      young = new Map();
    },
  };
}
