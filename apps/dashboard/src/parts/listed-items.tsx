import { useState } from 'react';
import type { Listed } from '../api.ts';
import { count } from '../format.ts';
import { Badge } from './badge.tsx';
import { Section } from './page.tsx';

/** Items that are shown at first: a folder may have thousands of files. */
const FIRST = 50;

/** Resources or prompts: what clients read, by the URIs and names that they have there. */
export function ListedItems({ title, items }: { title: string; items: readonly Listed[] }) {
  const [all, setAll] = useState(false);
  if (items.length === 0) return null;
  const shown = all ? items : items.slice(0, FIRST);
  return (
    <Section title={title} className="listed" note={<span className="muted number">{count(items.length)}</span>}>
      <ul className="rows">
        {shown.map(({ address, description, state }) => (
          <li key={address}>
            <code>{address.slice(address.indexOf('/') + 1)}</code>
            {state !== 'active' && <Badge tone="bad">{state}</Badge>}
            {description !== '' && <p className="muted">{description}</p>}
          </li>
        ))}
      </ul>
      {shown.length < items.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {count(items.length)}
        </button>
      )}
    </Section>
  );
}
