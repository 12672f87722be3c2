import { useEffect, type ReactNode } from 'react';
import type { Resource } from '../live.tsx';

/** Title, what the page says at a glance, and what can be done on it. */
export function Page({
  title,
  name,
  actions,
  children,
}: {
  title: ReactNode;
  name: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  // Not returned: newer browsers give a promise, and an effect is to give its cleanup.
  useEffect(() => {
    scrollTo(0, 0);
  }, []);
  useEffect(() => {
    document.title = `${name} · AIP`;
  }, [name]);
  return (
    <>
      <div className="page-head">
        <h1>{title}</h1>
        {actions}
      </div>
      {children}
    </>
  );
}

export function Section({
  title,
  note,
  children,
  className = '',
}: {
  title: string;
  note?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`section ${className}`} aria-label={title}>
      <div className="section-head">
        <h2>{title}</h2>
        {note}
      </div>
      {children}
    </section>
  );
}

/** Nothing here yet, and what to do about it. */
export const Empty = ({ children }: { children: ReactNode }) => <p className="empty">{children}</p>;

export const Problem = ({ error }: { error: Error | undefined }) =>
  error ? (
    <p className="problem" role="alert">
      {error.message}
    </p>
  ) : null;

/** Shows what was read; before that, that it is being read, or why it could not be. */
export function Loaded<T>({ from, children }: { from: Resource<T>; children: (data: T) => ReactNode }) {
  if (from.data !== undefined) {
    return (
      <>
        <Problem error={from.error} />
        {children(from.data)}
      </>
    );
  }
  return from.error ? <Problem error={from.error} /> : <p className="empty">Reading…</p>;
}
