import { ThreadcastError } from '../../errors/index.js';
import type { JsonValue } from '../../protocol/index.js';

/** The prompt in an input: the input itself, or its field `prompt`. Null: it has none, or an empty one. */
export function promptIn(input: JsonValue | undefined): string | null {
  const prompt = typeof input === 'object' && input !== null && 'prompt' in input ? input.prompt : input;
  return typeof prompt === 'string' && prompt.trim() !== '' ? prompt : null;
}

/** Throws `invalid_payload` where there is no prompt. */
export function promptOf(input: JsonValue): string {
  const prompt = promptIn(input);
  if (prompt !== null) return prompt;
  const expected = 'is a text that is not blank, or an object with such a text as prompt';
  throw new ThreadcastError('invalid_payload', {
    message: `The input of assistant ${expected}.`,
    details: { fields: [{ field: 'input', message: expected }] },
  });
}
