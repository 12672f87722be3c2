import type { Budget } from '../api.ts';
import { count, payerOf, units } from '../format.ts';
import { useLive } from '../live.tsx';
import { BudgetBar } from '../parts/budget-bar.tsx';
import { Empty, Loaded, Page, Section } from '../parts/page.tsx';

export function SpendPage() {
  const { budgets } = useLive();
  return (
    <Page name="Spend" title="Spend">
      <Loaded from={budgets}>{(list) => <Budgets budgets={list} />}</Loaded>
    </Page>
  );
}

function Budgets({ budgets }: { budgets: readonly Budget[] }) {
  const { names } = useLive();
  if (budgets.length === 0) {
    return (
      <Empty>
        No budgets yet. Run <code>aip budget set</code> to give an agent one; a call that would exceed it is refused
        before it happens.
      </Empty>
    );
  }
  const sum = (of: (budget: Budget) => number): number => budgets.reduce((total, budget) => total + of(budget), 0);
  const ordered = budgets.toSorted((a, b) => b.spent_today - a.spent_today);
  return (
    <>
      <dl className="figures">
        <Figure label="Spent today" value={sum(({ spent_today }) => spent_today)} />
        <Figure label="Held for calls in flight" value={sum(({ held }) => held)} />
        <Figure label="Spent in total" value={sum(({ spent_total }) => spent_total)} />
      </dl>
      <Section title="By agent">
        <table className="budgets">
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col" className="right">
                Per call
              </th>
              <th scope="col">Today</th>
              <th scope="col">In total</th>
            </tr>
          </thead>
          <tbody>
            {ordered.map((budget) => (
              <BudgetRow key={budget.principal} budget={budget} name={payerOf(budget, names)} />
            ))}
          </tbody>
        </table>
      </Section>
    </>
  );
}

function BudgetRow({ budget, name }: { budget: Budget; name: string }) {
  return (
    <tr>
      <th scope="row" title={budget.principal}>
        {name}
      </th>
      <td className="number right" data-label="Per call">
        {budget.per_call === undefined || budget.per_call === null ? (
          <span className="muted">no limit</span>
        ) : (
          `≤ ${count(budget.per_call)}`
        )}
      </td>
      <td data-label="Today">
        <BudgetBar spent={budget.spent_today} held={budget.held} limit={budget.per_day} />
      </td>
      <td data-label="In total">
        <BudgetBar spent={budget.spent_total} limit={budget.total} />
      </td>
    </tr>
  );
}

function Figure({ label, value }: { label: string; value: number }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd className="number">{units(value)}</dd>
    </div>
  );
}
