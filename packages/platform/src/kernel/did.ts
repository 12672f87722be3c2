import { publicKeyOfDid } from '@aip/wire';
import { z } from 'zod';

export const NOT_A_DID = 'this is not a did:key (did:key:z6Mk…, 56 characters); has it been cut off?';

/** Whether a text is a whole did:key with a key that can sign. */
export function isDidKey(text: string): boolean {
  try {
    publicKeyOfDid(text);
    return true;
  } catch {
    return false;
  }
}

/** The DID of an agent as an operation takes it: somebody can have it. */
export const didSchema = z.string().max(256).refine(isDidKey, NOT_A_DID);
