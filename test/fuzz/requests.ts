import fc from 'fast-check';

import type { RequestType } from '../../src/protocol/index.js';
import type { HandRequest } from './hand-client.js';
import { changedObject, deepText, strangeText } from './json-text.js';

/** A request of each type as it should be: fields as JSON text. */
const WELL_FORMED: Readonly<Record<RequestType, readonly Readonly<Record<string, string>>[]>> = {
  authenticate: [{ token: '"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJldmUifQ.c2lnbmF0dXJl"' }],
  create_thread: [{ threadId: '"thread_chosen"', title: '"a title"', metadata: '{"a":{"b":[1,2,3]}}' }, {}],
  switch_thread: [{ threadId: '"@thread@"', after: '0', epoch: '"x"' }, { threadId: '"@thread@"' }],
  subscribe_thread: [
    { threadId: '"@thread@"', after: '0' },
    { threadId: '"@foreign@"', after: '0' },
  ],
  unsubscribe_thread: [{ threadId: '"@thread@"' }],
  user_message: [
    { threadId: '"@thread@"', content: '"hello"', messageId: '"m1"', agent: '"echo"', policy: '"queue"' },
    { threadId: '"@thread@"', content: '"hello"', metadata: '{"echo":{"repeat":2,"ask":"?"}}', policy: '"interrupt"' },
    { content: '"a new chat"' },
  ],
  start_agent: [
    { threadId: '"@thread@"', agent: '"echo"', input: '{"text":"a b","repeat":2,"delayMs":1}', messageId: '"m2"' },
    { threadId: '"@thread@"', agent: '"echo"', input: '"a b c"', policy: '"parallel"' },
  ],
  stop_agent: [{ runId: '"@run@"', reason: '"enough"' }, { runId: '"@foreign-run@"' }],
  provide_input: [{ runId: '"@run@"', requestId: '"@request@"', value: '{"a":1}' }],
  get_thread_history: [
    { threadId: '"@thread@"', after: '0', limit: '5', view: '"compact"' },
    { threadId: '"@thread@"', before: '9' },
  ],
  ack_events: [{ threadId: '"@thread@"', seq: '1' }],
  ping: [{ anything: '1' }],
};

const TYPES = Object.keys(WELL_FORMED) as RequestType[];

/** None that Socket.IO reserves: these end the connection. */
const STRANGE_NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', ''],
  ...['*', 'error', 'connection', 'message', 'data', 'end', 'close', 'packet', 'events', 'exception', 'agent_delta'],
  ...['user_message ', 'USER_MESSAGE', 'handle', 'then', '\u0000', '\ud83d\ude00', 'x'.repeat(2_000)],
].map((name) => JSON.stringify(name));

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...STRANGE_NAMES) },
  { weight: 1, arbitrary: fc.constantFrom('0', '-1', '5', '1e21', '1e999', '0.5') },
);

/** A request that Socket.IO reads: what it asks may be anything. */
export const request: fc.Arbitrary<HandRequest> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...TYPES).chain((type) => ofType(type)) },
  { weight: 4, arbitrary: fc.constantFrom(...TYPES).chain((type) => enveloped(type)) },
  { weight: 2, arbitrary: whole(name, fc.array(payload({}), { maxLength: 2 })) },
  { weight: 1, arbitrary: withAttachments() },
);

function ofType(type: RequestType): fc.Arbitrary<HandRequest> {
  const payloads = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(payloadOf(type)) },
    { weight: 1, arbitrary: fc.array(payloadOf(type), { maxLength: 3 }) },
  );
  return whole(fc.constant(`"${type}"`), payloads);
}

/** The second form of every request. */
function enveloped(type: RequestType): fc.Arbitrary<HandRequest> {
  const typeText = fc.oneof({ weight: 6, arbitrary: fc.constant(`"${type}"`) }, { weight: 1, arbitrary: strangeText });
  const envelope = fc
    .record({ typeText, payload: payloadOf(type) })
    .chain((given) => changedObject({ type: given.typeText, payload: given.payload, threadId: '"@thread@"' }));
  return whole(fc.constant('"message"'), fc.tuple(envelope));
}

function payloadOf(type: RequestType): fc.Arbitrary<string> {
  return fc.constantFrom(...WELL_FORMED[type]).chain((fields) => payload(fields));
}

function payload(fields: Readonly<Record<string, string>>): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 30, arbitrary: changedObject(fields) },
    { weight: 5, arbitrary: strangeText },
    { weight: 1, arbitrary: deepText },
  );
}

/** Binary data, where it is taken and where it is not. */
function withAttachments(): fc.Arbitrary<HandRequest> {
  return fc
    .record({
      type: fc.constantFrom(...TYPES),
      attachments: fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 3 }),
      wantsAnswer: fc.boolean(),
    })
    .map(({ type, attachments, wantsAnswer }) => {
      const places = attachments.map((_, num) => `{"_placeholder":true,"num":${num}}`).join(',');
      const parts = [`"${type}"`, `{"content":[${places}],"metadata":{"file":[${places}]}}`];
      return { parts, attachments: attachments.map((bytes) => Buffer.from(bytes)), wantsAnswer };
    });
}

function whole(name: fc.Arbitrary<string>, payloads: fc.Arbitrary<string[]>): fc.Arbitrary<HandRequest> {
  return fc
    .record({ name, payloads, silent: fc.integer({ min: 0, max: 9 }) })
    .map(({ name: first, payloads: rest, silent }) => ({
      parts: [first, ...rest],
      attachments: [],
      wantsAnswer: silent > 0,
    }));
}
