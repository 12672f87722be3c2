import type { KeyObject } from 'node:crypto';
import { AipError, verifyFrame, type IoapFrame } from '@aip/wire';
import type { Link } from './link.ts';

/** Every frame of a session is from its DID, whoever else may have signed it. */
export function verifyOwn(raw: string, { did, key }: Link): IoapFrame {
  let mismatch: AipError | undefined;
  const keyOf = (from: string): KeyObject => {
    if (from === did) return key;
    throw (mismatch = new AipError('DID_MISMATCH', `This connection is registered as ${did}; "from" says otherwise.`));
  };
  try {
    return verifyFrame(raw, keyOf).frame;
  } catch (error) {
    throw mismatch ?? error;
  }
}

/** Id and sender of a frame that could not be accepted, as far as they can be read. */
export function readable(raw: string): { id?: string; from?: string } {
  try {
    const { id, from } = JSON.parse(raw) as { id?: unknown; from?: unknown };
    return { ...(isWord(id, 128) ? { id } : {}), ...(isWord(from, 512) ? { from } : {}) };
  } catch {
    return {};
  }
}

const isWord = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length <= max && /^[!-~]+$/.test(value);
