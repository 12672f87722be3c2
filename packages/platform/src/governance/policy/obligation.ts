import type { Obligation } from './types.ts';

const KNOWN = ['approve', 'approve_expires', 'rate', 'log', 'redact'] as const;

const MILLIS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface AnnotationProblem {
  readonly annotation: string;
  readonly message: string;
  readonly hint?: string;
}

export interface ReadAnnotations {
  readonly obligations: readonly Obligation[];
  readonly problems: readonly AnnotationProblem[];
}

/**
 * Reads the obligations out of a policy's annotations. Annotations that mean nothing here are left alone,
 * but one that looks like a misspelt obligation is a problem: the permit would stand without it.
 */
export function readObligations(
  policy: string,
  effect: 'permit' | 'forbid',
  annotations: Readonly<Record<string, string>>,
): ReadAnnotations {
  const obligations: Obligation[] = [];
  const problems: AnnotationProblem[] = [];
  for (const [annotation, value] of Object.entries(annotations)) {
    const known = KNOWN.find((name) => name === annotation);
    if (known === undefined) {
      const meant = KNOWN.find((name) => isNear(annotation.toLowerCase(), name));
      if (meant === undefined) continue;
      problems.push({
        annotation,
        message: `unknown annotation \`@${annotation}\``,
        hint: `did you mean \`@${meant}\`?`,
      });
    } else if (effect === 'forbid') {
      problems.push({ annotation, message: `\`@${known}\` has no meaning on a forbid`, hint: 'put it on a permit' });
    } else if (known !== 'approve_expires') {
      const read = readOne(known, policy, value, annotations);
      if ('message' in read) problems.push(read);
      else obligations.push(read);
    }
  }
  if (annotations['approve_expires'] !== undefined && annotations['approve'] === undefined) {
    problems.push({
      annotation: 'approve_expires',
      message: '`@approve_expires` stands without `@approve`',
      hint: 'say who approves: `@approve("operators")`',
    });
  }
  return { obligations, problems };
}

function readOne(
  kind: Obligation['kind'],
  policy: string,
  value: string,
  annotations: Readonly<Record<string, string>>,
): Obligation | AnnotationProblem {
  const wrong = (annotation: string, form: string): AnnotationProblem => ({
    annotation,
    message: `\`@${annotation}("${annotations[annotation]}")\` cannot be understood`,
    hint: `write it as \`@${annotation}${form}\``,
  });
  switch (kind) {
    case 'approve': {
      const by = value.trim();
      if (by === '') return wrong('approve', '("operators")');
      const expires = annotations['approve_expires'];
      if (expires === undefined) return { kind, policy, by };
      const expiresMs = parseDuration(expires);
      return expiresMs === undefined ? wrong('approve_expires', '("10m")') : { kind, policy, by, expiresMs };
    }
    case 'rate': {
      const [, count, per] = /^([1-9]\d{0,8})\/(s|m|h|d)$/.exec(value) ?? [];
      const windowMs = MILLIS[per ?? ''];
      return windowMs === undefined ? wrong('rate', '("10/m")') : { kind, policy, limit: Number(count), windowMs };
    }
    case 'log':
      return { kind, policy, note: value };
    case 'redact': {
      const fields = value.split(',').map((field) => field.trim());
      return fields.includes('') ? wrong('redact', '("result.token, result.password")') : { kind, policy, fields };
    }
  }
}

/** `10m` in milliseconds; units ms, s, m, h, d. Undefined for anything else. */
function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,8})(ms|s|m|h|d)$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * (MILLIS[unit] ?? 0);
}

/** At most one edit apart, or two for names longer than four letters. */
function isNear(text: string, name: string): boolean {
  return editDistance(text.slice(0, 32), name) <= (name.length > 4 ? 2 : 1);
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
