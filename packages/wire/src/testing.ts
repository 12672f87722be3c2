import { AipError } from './errors.ts';

/** For tests: the AipError that `act` throws. Anything else it does is a failure. */
export function refusal(act: () => unknown): AipError {
  try {
    act();
  } catch (error) {
    if (error instanceof AipError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** For tests: like {@link refusal}, of a promise. */
export async function rejection(promise: Promise<unknown>): Promise<AipError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (outcome instanceof AipError) return outcome;
  throw new Error('nothing was refused', { cause: outcome });
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
