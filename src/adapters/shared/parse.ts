import type { z } from 'zod';
import { LightningError } from '../../core/lightning/errors.ts';

/**
 * Parses a node's answer. Unknown fields are let be: versions add them.
 * @throws LightningError `PROTOCOL`, naming the first field that does not fit, without its value.
 */
export function parseAnswer<Schema extends z.ZodType>(schema: Schema, answer: unknown, operation: string, place: string): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? 'the answer itself' : issue.path.map(String).join('.');
  throw new LightningError('PROTOCOL', `an answer of ${place} is not as expected at ${field}: ${issue?.message ?? 'it does not fit'}`, {
    operation,
    context: { field },
  });
}
