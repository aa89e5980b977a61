import fc from 'fast-check';

/** Stand for ids that live as long as the server does: put in when an input is sent. */
export const PLACES = ['@thread@', '@run@', '@request@', '@foreign@', '@foreign-run@'] as const;

const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'toJSON', 'then', 'length', ''],
  ...['threadId', 'thread_id', 'runId', 'run_id', 'messageId', 'message_id', 'payload', 'type', 'token', 'epoch'],
];

const TEXTS = [
  ...NAMES,
  ...PLACES,
  ...['thread_', 'thread_a__b', 'thread_a_run_b', 'thread_thread_a', 'run_a_12345678', 'thread_a\\u0000b', ' thread_a'],
  ...['\\u0000', '\\ud800', '\\udc00\\ud800', '\\u202e', 'e\\u0301', '\\uffff', '\\ud83d\\ude00', '\\"', '\\\\', '\\n'],
  ...[
    '../../etc/passwd',
    '%00',
    '%s%n%x',
    "'; drop table threads; --",
    '<script>alert(1)</script>',
    '${7*7}',
    '{{7*7}}',
  ],
  ...['true', 'null', 'NaN', '1e999', '-1', '[object]', 'echo', 'assistant', 'compact', 'queue', 'parallel', 'custom'],
];

const NUMBERS = ['0', '-0', '-1', '1', '0.5', '1e999', '-1e999', '1e-999', '9007199254740993', '4294967296', '1e21'];

const SHAPES = [
  ...['null', 'true', 'false', '[]', '{}', '[[]]', '[{}]', '{"":{}}', '[null]'],
  ...['{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"a":1,"a":2}'],
  ...['{"type":"Buffer","data":[1,2]}', '{"length":1e9}', '{"then":"x"}', '{"toJSON":{}}', '{"toString":null}'],
];

const quoted = (text: string): string => `"${text}"`;
const nested = (open: string, close: string, depth: number, core: string): string =>
  open.repeat(depth) + core + close.repeat(depth);

/** Nested so deep that a careless reader runs out of stack. */
export const deepText = fc
  .record({ depth: fc.constantFrom(50, 1_000, 5_000, 10_000, 14_000), list: fc.boolean() })
  .map(({ depth, list }) => (list ? nested('[', ']', depth, '') : nested('{"a":', '}', Math.floor(depth / 2), '1')));

const hugeText = fc
  .record({
    unit: fc.constantFrom('x', ' ', '\\u0000', 'é', '😀', '<', '\\"'),
    bytes: fc.constantFrom(300, 5_000, 30_000),
  })
  .map(({ unit, bytes }) => quoted(unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit)))));

/** Something strange, as JSON text. */
export const strangeText: fc.Arbitrary<string> = fc.oneof(
  { weight: 24, arbitrary: fc.constantFrom(...TEXTS).map(quoted) },
  { weight: 12, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 16, arbitrary: fc.constantFrom(...SHAPES) },
  { weight: 12, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }).map((text) => JSON.stringify(text)) },
  { weight: 12, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 2, arbitrary: hugeText },
  { weight: 1, arbitrary: deepText },
);

const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES).map(quoted) },
  { weight: 1, arbitrary: fc.string({ maxLength: 10 }).map((text) => JSON.stringify(text)) },
);

type Change =
  | { readonly do: 'put'; readonly at: number; readonly value: string }
  | { readonly do: 'add'; readonly key: string; readonly value: string }
  | { readonly do: 'drop'; readonly at: number }
  | { readonly do: 'repeat'; readonly at: number; readonly value: string };

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), at: fc.nat(9), value: strangeText }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), key, value: strangeText }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), at: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat' as const), at: fc.nat(9), value: strangeText }) },
);

/** An object with these fields (name → JSON text), with some things done to it, as JSON text. */
export function changedObject(fields: Readonly<Record<string, string>>): fc.Arbitrary<string> {
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const pairs: (readonly [string, string])[] = Object.entries(fields).map(([name, value]) => [quoted(name), value]);
    for (const one of changes) {
      const at = 'at' in one && pairs.length > 0 ? one.at % pairs.length : 0;
      const [name] = pairs[at] ?? [];
      if (one.do === 'add') pairs.push([one.key, one.value]);
      else if (name === undefined) continue;
      else if (one.do === 'put') pairs[at] = [name, one.value];
      else if (one.do === 'drop') pairs.splice(at, 1);
      else pairs.push([name, one.value]);
    }
    return `{${pairs.map(([name, value]) => `${name}:${value}`).join(',')}}`;
  });
}
