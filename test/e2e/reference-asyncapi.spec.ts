import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Parser } from '@asyncapi/parser';

import { ERRORS } from '../../src/errors/index.js';
import { ANSWERS, SERVER_EVENTS, THREAD_EVENTS } from '../../src/protocol/index.js';
import type { AsyncApi } from '../../src/reference/index.js';
import { TestServer } from '../../src/testing/index.js';

/** As the parser counts: an error and a warning; what is above is advice. */
const SERIOUS: readonly number[] = [0, 1];

let server: TestServer;
let document: ReturnType<AsyncApi['document']>;

beforeAll(async () => {
  server = await TestServer.start();
  document = (await (await server.fetch(null, '/docs/asyncapi.json')).json()) as typeof document;
});

afterAll(() => server.close());

const names = (messages: object): string[] => Object.keys(messages).sort();

describe('The AsyncAPI document', () => {
  it('is valid', async () => {
    const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document));

    const faults = diagnostics.filter(({ severity }) => SERIOUS.includes(severity));

    expect(faults).toEqual([]);
    expect(parsed?.version()).toBe('3.0.0');
  });

  it('has every request with its answer, and no other', () => {
    const requests = Object.keys(ANSWERS).sort();

    expect(names(document.channels.requests.messages)).toEqual([...requests, 'message'].sort());
    expect(names(document.channels.answers.messages)).toEqual(requests);
    for (const type of requests) {
      expect(document.operations[type]).toEqual({
        action: 'receive',
        channel: { $ref: '#/channels/requests' },
        messages: [{ $ref: `#/channels/requests/messages/${type}` }],
        reply: {
          channel: { $ref: '#/channels/answers' },
          messages: [{ $ref: `#/channels/answers/messages/${type}` }],
        },
      });
    }
  });

  it('has every event of the connection and of threads, and no other', () => {
    const { connection, threads } = document.channels;

    expect(names(connection.messages)).toEqual(names(SERVER_EVENTS));
    expect(names(threads.messages)).toEqual(names(THREAD_EVENTS));
    expect(document.operations['sendConnectionEvents']?.messages).toHaveLength(names(SERVER_EVENTS).length);
    expect(document.operations['sendThreadEvents']?.messages).toHaveLength(names(THREAD_EVENTS).length);
  });

  it('says of everything what it is', () => {
    const messages = Object.values(document.channels).flatMap((channel) => Object.values(channel.messages));

    expect(messages.filter(({ summary }) => summary === '').map(({ name }) => name)).toEqual([]);
    expect(messages.length).toBeGreaterThan(45);
  });

  it('has every code of an error', () => {
    expect(document.components.schemas?.['ErrorCode']?.enum).toEqual(Object.keys(ERRORS));
  });

  it('says how a request is checked', () => {
    expect(document.channels.requests.messages['user_message']?.payload).toMatchObject({
      required: ['content'],
      properties: {
        content: { type: 'string', minLength: 1 },
        policy: { enum: expect.arrayContaining(['interrupt']) },
      },
    });
    expect(document.channels.requests.messages['ping']?.payload).toEqual({ description: 'Anything.' });
  });
});
