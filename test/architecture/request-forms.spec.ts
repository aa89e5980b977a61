import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';

import { ThreadcastError, validateDto } from '../../src/errors/index.js';
import * as authenticate from '../../src/gateway/dto/authenticate.dto.js';
import * as follow from '../../src/gateway/dto/follow-thread.dto.js';
import * as gatewayRuns from '../../src/gateway/dto/run.dto.js';
import * as gatewayThreads from '../../src/gateway/dto/thread.dto.js';
import * as runs from '../../src/http/run-fields.js';
import * as threads from '../../src/http/thread-fields.js';
import { formSchema } from '../../src/schema/index.js';

type Form = new () => object;

const FORMS = [authenticate, follow, gatewayRuns, gatewayThreads, runs, threads].flatMap((file) =>
  Object.entries(file).flatMap(([name, value]): [string, Form][] =>
    typeof value === 'function' ? [[name, value]] : [],
  ),
);

/** Values about the bounds that forms have, and of every other kind. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, -1, 0, 1, 1.5, 1_000, 1_001, Number.MAX_SAFE_INTEGER],
  ...['', 'x', '😀'.repeat(64), 'queue', 'compact', 'parallel ', 'producer', '17'],
  ...[64, 65, 256, 257, 500, 501, 1_000, 1_001, 16_384, 16_385].map((length) => 'x'.repeat(length)),
  ...[{}, { a: [1] }, [], ['x'], [null]],
];

function accepts(form: Form, fields: Readonly<Record<string, unknown>>): boolean {
  try {
    validateDto(form, fields);
    return true;
  } catch (error) {
    if (error instanceof ThreadcastError && error.code === 'invalid_payload') return false;
    throw error;
  }
}

describe('The form of a request', () => {
  it('is found for all of them', () => {
    expect(FORMS.length).toBeGreaterThan(14);
  });

  it.each(FORMS)('is described as it is checked: %s', (_name, form) => {
    const schema = formSchema(form);
    const validate = new Ajv2020({ strict: false }).compile(schema);
    const names = Object.keys(schema.properties ?? {});
    const field = fc.tuple(fc.constantFrom(...names, 'unknown'), fc.constantFrom(...VALUES));
    const good = (schema.required ?? []).map((name): [string, unknown] => [
      name,
      VALUES.find(
        (value) => value !== null && new Ajv2020({ strict: false }).validate(schema.properties![name]!, value),
      ),
    ]);

    expect(accepts(form, Object.fromEntries(good))).toBe(true);
    fc.assert(
      fc.property(fc.boolean(), fc.array(field, { maxLength: 4 }), (fromGood, entries) => {
        const fields = Object.fromEntries([...(fromGood ? good : []), ...entries]) as Record<string, unknown>;
        expect({ fields, accepted: validate(fields) }).toEqual({ fields, accepted: accepts(form, fields) });
      }),
      { numRuns: 300 },
    );
  });
});
