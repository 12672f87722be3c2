import type { AipError } from '@aip/wire';
import type { Body } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { RouteCall } from '../kernel/route.ts';

export type SourceKind = 'openapi' | 'files' | 'sql' | 'http';

/** One thing that a source makes addressable, and how a call of it is done. */
export interface Offer {
  readonly entry: CatalogueEntry;
  /**
   * A tool's end is an MCP CallToolResult, a resource's a ReadResourceResult: the one form that keeps all there is.
   * Throws an AipError when nothing was begun, {@link Interrupted} when something may have been.
   */
  perform(call: RouteCall): Promise<Body>;
  /** What an argument of a template may begin like this (MCP 2026-07-28, completion); bounded by the source. */
  complete?(argument: string, value: string): Promise<readonly string[]>;
}

export interface Loaded {
  readonly offers: readonly Offer[];
  /** What had to be left out, and why; for the operator. */
  readonly problems: readonly string[];
}

/** Something that speaks no agent protocol, made addressable. */
export interface Source {
  readonly kind: SourceKind;
  /** What it offers now. Throws an AipError that says what is wrong and where. */
  load(signal: AbortSignal): Promise<Loaded>;
  /** Calls back whenever that may have changed; returns how to stop it. */
  watch?(changed: () => void): () => void;
  close?(): Promise<void>;
}

/** A call that was begun and whose end is not known. */
export class Interrupted extends Error {
  readonly error: AipError;

  constructor(error: AipError) {
    super(error.message, { cause: error });
    this.error = error;
  }
}

/** Structured log lines; `source` is among the fields. */
export type SourceLog = (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;
