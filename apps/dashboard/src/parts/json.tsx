import type { Json } from '@aip/wire';
import { pretty } from '../format.ts';

/** A text as it is, or a JSON value for reading. Long ones scroll, so the keyboard must be able to get in. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre className="code" tabIndex={0} aria-label={label}>
      {text}
    </pre>
  );
}

export const JsonText = ({ value, label }: { value: Json | undefined; label: string }) => (
  <Code text={pretty(value)} label={label} />
);
