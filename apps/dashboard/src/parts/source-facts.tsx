import type { Source } from '../api.ts';
import { count } from '../format.ts';
import type { Tone } from './badge.tsx';
import { Section } from './page.tsx';

export const SOURCE_STATES: Record<Source['state'], { label: string; tone: Tone }> = {
  starting: { label: 'being read', tone: 'busy' },
  active: { label: 'active', tone: 'good' },
  failed: { label: 'cannot be read', tone: 'bad' },
};

export const SOURCE_KINDS: Record<Source['kind'], string> = {
  openapi: 'API by its OpenAPI document',
  files: 'Folder of files',
  sql: 'SQL database, read-only',
  http: 'HTTP API, by URI templates',
};

/** What a source is, and what is wrong with it. */
export function SourceFacts({ source: { name, kind, state, tools, resources, error, problems } }: { source: Source }) {
  return (
    <>
      <dl className="facts">
        <div>
          <dt>Source</dt>
          <dd>{SOURCE_KINDS[kind]}</dd>
        </div>
        <div>
          <dt>Set in aip.yaml as</dt>
          <dd>
            <code>
              sources.{kind}.{name}
            </code>
          </dd>
        </div>
        <div>
          <dt>Tools</dt>
          <dd className="number">{count(tools)}</dd>
        </div>
        <div>
          <dt>Resources</dt>
          <dd className="number">{count(resources)}</dd>
        </div>
      </dl>
      {state === 'failed' && (
        <div className="problem stack-tight">
          <p>{error ?? 'It cannot be read.'}</p>
          <p>
            {tools + resources > 0 && 'What it offered before stays. '}
            It is tried again by itself, at least once a minute.
          </p>
        </div>
      )}
      {problems.length > 0 && (
        <Section title="Left out" note={<span className="muted number">{count(problems.length)}</span>}>
          <ul className="plain-list">
            {problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
