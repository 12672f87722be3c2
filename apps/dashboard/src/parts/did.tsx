import { useState } from 'react';
import { shortId } from '../format.ts';

/** A DID, its middle left out, with a button that copies the whole. */
export function Did({ did }: { did: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(did);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <span className="did">
      <code title={did}>{shortId(did)}</code>
      <button
        type="button"
        className="quiet small"
        onClick={() => void copy().catch(() => {})}
        aria-label={`Copy ${did}`}
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </span>
  );
}
