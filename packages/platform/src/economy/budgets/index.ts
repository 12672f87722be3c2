export { budgetDecider, type BudgetRow, type SpendRow } from './decider.ts';
export { budgetGuard } from './guard.ts';
export { budgetOperations } from './operations.ts';
