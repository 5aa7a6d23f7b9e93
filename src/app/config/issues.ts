import { z } from 'zod';
import type { ConfigPath } from './errors.ts';
import { suggestion } from './suggest.ts';

/** One thing that a schema found wrong, with its whole path. */
export interface Finding {
  readonly path: ConfigPath;
  readonly message: string;
  /** The schema wanted another type: a text from the environment may be read again as a number or truth value. */
  readonly wrongType: boolean;
}

type Issue = z.core.$ZodIssue;

/** What a schema found wrong, in words: names are suggested for unknown keys and kinds, the value itself is never repeated. */
export function findings(schema: z.ZodType, issues: readonly Issue[], prefix: ConfigPath = []): Finding[] {
  return issues.flatMap((issue) => describe(schema, issue, prefix));
}

function describe(schema: z.ZodType, issue: Issue, prefix: ConfigPath): Finding[] {
  const path = [...prefix, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key; ${suggestion(key, known)}`, wrongType: false }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const nearest = nearestBranch(issue.errors);
    const oneLevel = nearest.every((inner) => inner.path.length === 0);
    // Branches that differ in type only ("text or a list"): the union's own message says it better.
    if (!(oneLevel && issue.message !== 'Invalid input'))
      return nearest.flatMap((inner) => describe(schema, { ...inner, path: [...issue.path, ...inner.path] }, prefix));
  }
  if (issue.code === 'invalid_union' && issue.errors.length === 0) {
    const isOwn = !issue.message.startsWith('Invalid ');
    const options = !isOwn && 'options' in issue && Array.isArray(issue.options) ? issue.options.join(', ') : undefined;
    return [{ path, message: options === undefined ? issue.message : `there is no such kind; there are ${options}`, wrongType: false }];
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  if (missing) return [{ path, message: `is missing; give it ${article(issue.expected)}`, wrongType: false }];
  return [
    {
      path,
      message: lowerFirst(issue.message.replace(/^Invalid (?:input|option): /, '')),
      wrongType: issue.code === 'invalid_type' || issue.code === 'invalid_union',
    },
  ];
}

/** The branch of a union that was most likely meant: the one that went wrong deepest and least. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const weight = (branch: readonly Issue[]) =>
    (branch.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0) ? 1_000 : 0) + branch.length;
  return branches.reduce((best, branch) => (weight(branch) < weight(best) ? branch : best), branches[0] ?? []);
}

/** The keys that a schema knows at a place. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let places: JsonSchema[] = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema];
  const open = (place: JsonSchema): JsonSchema[] => [
    place,
    ...[place.anyOf, place.oneOf, place.allOf].flatMap((choices) => (choices ?? []).flatMap(open)),
  ];
  for (const step of path) {
    places = places.flatMap(open).flatMap((place) => {
      const inner = typeof step === 'number' ? place.items : (place.properties?.[String(step)] ?? place.additionalProperties);
      return typeof inner === 'object' && inner !== null ? [inner] : [];
    });
  }
  return [...new Set(places.flatMap(open).flatMap((place) => Object.keys(place.properties ?? {})))];
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

function article(expected: string): string {
  if (expected === 'object' || expected === 'record') return 'keys and values';
  if (expected === 'array') return 'a list';
  if (expected === 'string') return 'a text';
  return `a ${expected}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
