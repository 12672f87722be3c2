import { count } from '../format.ts';

interface BudgetBarProps {
  readonly title?: string;
  readonly spent: number;
  readonly held?: number;
  readonly limit: number | null | undefined;
}

/** What is spent and held of a limit, in integer units. Without a limit there are only the numbers. */
export function BudgetBar({ title, spent, held = 0, limit }: BudgetBarProps) {
  const limited = limit !== undefined && limit !== null;
  return (
    <div className="budget-bar">
      <p className="budget-figures">
        {title !== undefined && <span>{title}</span>}
        <span>
          <span className="number">{count(spent)}</span>{' '}
          <span className="muted">
            {limited ? `of ${count(limit)}` : 'no limit'}
            {held > 0 && `, ${count(held)} held`}
          </span>
        </span>
      </p>
      {limited && <Bar used={share(spent, limit)} held={share(held, limit)} />}
    </div>
  );
}

/** The same for the eye; shares of the limit, 0 to 1. */
function Bar({ used, held }: { used: number; held: number }) {
  const level = used + held >= 1 ? 'full' : used >= 0.8 ? 'high' : '';
  return (
    <div className={`bar ${level}`} aria-hidden="true">
      <span className="bar-spent" style={{ inlineSize: `${used * 100}%` }} />
      <span className="bar-held" style={{ inlineSize: `${Math.min(1 - used, held) * 100}%` }} />
    </div>
  );
}

const share = (part: number, whole: number): number => (whole <= 0 ? 1 : Math.min(1, part / whole));
