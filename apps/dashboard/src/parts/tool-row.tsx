import type { Pin, Tool } from '../api.ts';
import { plural } from '../format.ts';
import { linkTo } from '../route.ts';
import { Badge, type Tone } from './badge.tsx';

const PIN_STATES: Record<Pin['state'], { label: string; tone: Tone }> = {
  pinned: { label: 'pinned', tone: 'good' },
  quarantined: { label: 'quarantined', tone: 'bad' },
  rejected: { label: 'rejected', tone: 'bad' },
  unpinned: { label: 'new', tone: 'plain' },
  gone: { label: 'gone', tone: 'plain' },
};

/** Where the tool behind a virtual server's is. */
const linkToReal = (address: string): string | undefined =>
  address.startsWith('tool:') ? linkTo('servers', address.slice('tool:'.length)) : undefined;

interface ToolRowProps {
  readonly tool: Tool;
  /** Where it can be tried. */
  readonly link: string | undefined;
  /** The address of the tool that it is in truth. */
  readonly standsFor: string | undefined;
  readonly pin: Pin | undefined;
  readonly isChosen: boolean;
}

/** A tool of a server, of a source, or of a virtual server. */
export function ToolRow({ tool, link, standsFor, pin, isChosen }: ToolRowProps) {
  const name =
    link === undefined ? (
      tool.name
    ) : (
      <a href={link} aria-current={isChosen ? 'true' : undefined}>
        {tool.name}
      </a>
    );
  const real = standsFor === undefined ? undefined : linkToReal(standsFor);
  return (
    <li className={isChosen ? 'tool chosen' : 'tool'}>
      <h3>{name}</h3>
      {tool.description !== '' && <p className="tool-description muted">{tool.description}</p>}
      <p className="tool-facts">
        <span className="protocol">{tool.effect}</span>
        {tool.price > 0 && <span className="number">{plural(tool.price, 'unit')}</span>}
        {pin && <Badge tone={PIN_STATES[pin.state].tone}>{PIN_STATES[pin.state].label}</Badge>}
        {!pin && tool.state !== 'active' && <Badge tone="bad">{tool.state}</Badge>}
        {standsFor !== undefined && (
          <span className="muted">
            stands for {real === undefined ? <code>{standsFor}</code> : <a href={real}>{standsFor}</a>}
          </span>
        )}
      </p>
    </li>
  );
}
