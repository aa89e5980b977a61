import fc from 'fast-check';

import { deepText, strangeText } from './json-text.js';
import { TEXT, type RawFrame } from './raw-web-socket.js';

/** What one client does: how it begins, and what it sends then. */
export interface Session {
  /** Before it asks for its connection, after, or after it has shown a token. */
  readonly begins: 'transport' | 'connection' | 'ready';
  readonly frames: readonly RawFrame[];
}

const text = (payload: string): RawFrame => ({ opcode: TEXT, payload: Buffer.from(payload) });

const ENGINE = [
  '0',
  '1',
  '2',
  '2probe',
  '3',
  '3probe',
  '4',
  '5',
  '6',
  '7',
  '9',
  '',
  'b',
  'bAAAA',
  'b4',
  'x',
  '\u0000',
  '44',
];

const SOCKET = [
  ...[
    '40',
    '40{',
    '40null',
    '40[]',
    '40{"token":"x"}',
    '40{"token":{"a":1}}',
    '40/admin,',
    '40/,{}',
    '40/__proto__,{}',
  ],
  ...[
    '41',
    '41{}',
    '41/admin,',
    '42',
    '42[]',
    '42[{}]',
    '42[null]',
    '42["ping"',
    '42{"a":1}',
    '42"ping"',
    '42["ping"]',
  ],
  ...['42["connect"]', '42["connect_error",{}]', '42["disconnect"]', '42["disconnecting"]', '42["newListener"]'],
  ...['42["removeListener"]', '42/admin,["ping"]', '421["ping"]', '4299999999999999999999["ping"]', '42-1["ping"]'],
  ...['421.5["ping"]', '42 1["ping"]', '421e3["ping"]', '43', '43[]', '430["x"]', '43999["x"]', '43{}', '44', '44{}'],
  ...['44"x"', '44[1]', '45', '45-', '450-["x"]', '45-1-["x"]', '451.5-["x"]', '4511-["x"]', '45999999999-["x"]'],
  ...['451-["ping",{"_placeholder":true,"num":0}]', '451-["ping",{"_placeholder":true,"num":9}]'],
  ...['451-["ping",{"_placeholder":true,"num":"0"}]', '452-["ping",{"_placeholder":true,"num":-1}]', '451-[', '451-{}'],
  ...['461-[{"_placeholder":true,"num":0}]', '460-[]', '461-7["x"]', '47', '48', '49["ping"]', '4a', '4-1'],
].map(text);

const binary = fc.uint8Array({ maxLength: 40 }).map((bytes): RawFrame => ({ opcode: 2, payload: Buffer.from(bytes) }));

/** Packets of the right kind whose content is not. */
const filled = fc
  .record({
    kind: fc.constantFrom(
      '40',
      '40/',
      '41',
      '42',
      '421',
      '43',
      '431',
      '44',
      '451-',
      '452-3',
      '461-',
      '4',
      '2',
      '3',
      '6',
    ),
    content: fc.oneof({ weight: 8, arbitrary: strangeText }, { weight: 1, arbitrary: deepText }),
    listed: fc.boolean(),
  })
  .map(({ kind, content, listed }) => text(listed ? `${kind}[${content}]` : `${kind}${content}`));

const INVALID_UTF8 = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xe2, 0x82],
  [...Buffer.from('42["ping","'), 0xfe, ...Buffer.from('"]')],
].map((bytes): RawFrame => ({ opcode: TEXT, payload: Buffer.from(bytes) }));

/** Frames that break RFC 6455, or only nearly do. */
const broken: fc.Arbitrary<RawFrame> = fc.oneof(
  fc.constantFrom(...INVALID_UTF8),
  fc.record({
    opcode: fc.integer({ min: 0, max: 15 }),
    payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fin: fc.boolean(),
    reserved: fc.constantFrom(0, 0, 0, 1, 4, 7),
    masked: fc.constantFrom(true, true, true, false),
  }),
  fc.record({
    opcode: fc.constantFrom(1, 2),
    payload: fc.constant(Buffer.from('42["ping"]')),
    declared: fc.constantFrom(0n, 3n, 2_000n, 70_000n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
  }),
  fc.constantFrom(0, 999, 1000, 1005, 1006, 1015, 65_535).map((code) => {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    return { opcode: 8, payload };
  }),
  fc.constantFrom(260_000, 263_168, 263_170, 400_000).map((bytes) => text(`42["ping","${'x'.repeat(bytes)}"]`)),
);

const frame: fc.Arbitrary<RawFrame> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ENGINE).map(text) },
  { weight: 8, arbitrary: fc.constantFrom(...SOCKET) },
  { weight: 5, arbitrary: filled },
  { weight: 2, arbitrary: binary },
  { weight: 3, arbitrary: broken },
);

export const session: fc.Arbitrary<Session> = fc.record({
  begins: fc.constantFrom('transport', 'connection', 'ready', 'ready'),
  frames: fc.array(frame, { minLength: 1, maxLength: 12, size: 'max' }),
});

/** Bodies of polling: packets behind each other, and what is none. */
export const pollingBody: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: frame.map(({ payload }) => payload) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    ),
    { maxLength: 6, size: 'max' },
  )
  .map((packets) =>
    Buffer.concat(packets.flatMap((packet, index) => (index === 0 ? [packet] : [Buffer.from('\x1e'), packet]))),
  );
