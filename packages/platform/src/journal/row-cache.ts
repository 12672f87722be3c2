import type { Json } from '@aip/wire';

/** Rows as of the last commit. Absence is cached too; the oldest rows leave first once `limit` is passed. */
export class RowCache {
  readonly #rows = new Map<string, Json | undefined>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  has(id: string): boolean {
    return this.#rows.has(id);
  }

  get(id: string): Json | undefined {
    return this.#rows.get(id);
  }

  set(id: string, value: Json | undefined): void {
    // Re-inserting moves the row to the young end of the map's insertion order.
    this.#rows.delete(id);
    this.#rows.set(id, value);
  }

  delete(id: string): void {
    this.#rows.delete(id);
  }

  /** Only between batches: a row that a running batch has asked for must not leave under it. */
  trim(): void {
    for (const id of this.#rows.keys()) {
      if (this.#rows.size <= this.#limit) return;
      this.#rows.delete(id);
    }
  }
}
