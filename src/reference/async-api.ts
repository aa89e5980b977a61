import { Injectable } from '@nestjs/common';
import { z } from 'zod';

import { HANDSHAKE_AUTH, RequestCatalogue, type HandledRequest } from '../gateway/index.js';
import {
  ANSWERS,
  answerFormOf,
  envelopeFormOf,
  EVENT_ENVELOPE,
  SERVER_EVENTS,
  THREAD_EVENTS,
  THREAD_EVENT_TYPES,
} from '../protocol/index.js';
import { formSchema, gatherSchemas, wireSchema, type JsonSchema } from '../schema/index.js';
import { SOCKET_PATH } from '../startup/index.js';
import type { AsyncApiDocument, Message, Operation } from './async-api-document.js';
import { requestEnvelope } from './request-envelope.js';
import { VERSION } from './version.js';

const ABOUT =
  'What goes over a Socket.IO connection. A request is an event with one object and a callback, which is given the ' +
  'answer; events of threads and of the connection come as they are. Any stock `socket.io-client` speaks it.';

/** The socket protocol as an AsyncAPI document, made from the handlers of this application and the messages they send. */
@Injectable()
export class AsyncApi {
  #document: AsyncApiDocument | null = null;

  constructor(private readonly requests: RequestCatalogue) {}

  document(): AsyncApiDocument {
    this.#document ??= build(this.requests.all());
    return this.#document;
  }
}

function build(handled: readonly HandledRequest[]): AsyncApiDocument {
  const order = Object.keys(ANSWERS);
  const requests = [...handled].sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  const envelope = requestEnvelope(requests);
  return gatherSchemas({
    asyncapi: '3.0.0',
    info: {
      title: 'Threadcast',
      version: VERSION,
      description: ABOUT,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      here: {
        host: '{host}',
        pathname: `${SOCKET_PATH}/`,
        protocol: 'ws',
        description: 'Socket.IO 4, namespace `/`, over WebSocket or polling.',
        variables: { host: { default: 'localhost:3000', description: 'Where the server is.' } },
        security: [{ $ref: '#/components/securitySchemes/token' }],
      },
    },
    channels: {
      handshake: {
        address: '/',
        description: 'What a client says when it connects, in `auth`.',
        messages: { connect: message('connect', 'Connects.', wireSchema(HANDSHAKE_AUTH)) },
      },
      requests: {
        address: '/',
        description: 'Requests, under their names. They are taken in the order in which they are sent.',
        messages: {
          ...Object.fromEntries(requests.map((request) => [request.type, requestMessage(request)] as const)),
          message: message('message', 'A request as an envelope, for clients that have one channel.', envelope),
        },
      },
      answers: {
        address: null,
        description: 'What the callback of a request is given: once, whatever happens.',
        messages: Object.fromEntries(requests.map(({ type }) => [type, answerMessage(type)])),
      },
      connection: {
        address: '/',
        description: 'Events of the connection. They are in no log and have no `seq`.',
        messages: Object.fromEntries(
          Object.entries(SERVER_EVENTS).map(([type, data]) => [
            type,
            message(type, data.description ?? '', wireSchema(data)),
          ]),
        ),
      },
      threads: {
        address: '/',
        description:
          'Events of the threads that the connection follows, in the order of their logs: `from ?? seq` is the `seq` ' +
          'before it plus one.',
        messages: Object.fromEntries(
          THREAD_EVENT_TYPES.map((type) => [
            type,
            message(type, THREAD_EVENTS[type].description ?? '', wireSchema(envelopeFormOf(type))),
          ]),
        ),
      },
      batches: {
        address: '/',
        description: 'The same events for connections with `frames: "batch"`: those that are ready together, in order.',
        messages: {
          events: message('events', 'Events of threads.', wireSchema(z.array(EVENT_ENVELOPE))),
        },
      },
    },
    operations: {
      connect: { action: 'receive', channel: channel('handshake'), messages: [reference('handshake', 'connect')] },
      ...Object.fromEntries(requests.map(({ type }) => [type, requestOperation(type)])),
      envelope: {
        action: 'receive',
        channel: channel('requests'),
        summary: 'Takes any request as an envelope; it is answered as that request.',
        messages: [reference('requests', 'message')],
        reply: { channel: channel('answers'), messages: requests.map(({ type }) => reference('answers', type)) },
      },
      sendConnectionEvents: sending('connection', Object.keys(SERVER_EVENTS)),
      sendThreadEvents: sending('threads', THREAD_EVENT_TYPES),
      sendBatches: sending('batches', ['events']),
    },
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'As `token` in the handshake, or by the request `authenticate`.',
        },
      },
    },
  });
}

function requestMessage({ type, does, dto, associates, open }: HandledRequest): Message {
  const schema = formSchema(dto);
  // A form without fields is of a request of which nothing is read.
  const payload = Object.keys(schema.properties ?? {}).length === 0 ? { description: 'Anything.' } : schema;
  const first = associates === true ? ['The thread is the active one before anything is appended.'] : [];
  const early = open === true ? ['Taken before the connection is ready.'] : [];
  const description = [...early, ...first].join(' ');
  return { ...message(type, does, payload), ...(description !== '' && { description }) };
}

function answerMessage(type: HandledRequest['type']): Message {
  return message(type, `What \`${type}\` is answered.`, wireSchema(answerFormOf(type)));
}

function message(name: string, summary: string, payload: JsonSchema): Message {
  return { name, summary, payload };
}

function requestOperation(type: string): Operation {
  return {
    action: 'receive',
    channel: channel('requests'),
    messages: [reference('requests', type)],
    reply: { channel: channel('answers'), messages: [reference('answers', type)] },
  };
}

function sending(name: string, messages: readonly string[]): Operation {
  return { action: 'send', channel: channel(name), messages: messages.map((one) => reference(name, one)) };
}

function channel(name: string) {
  return { $ref: `#/channels/${name}` };
}

function reference(channelName: string, messageName: string) {
  return { $ref: `#/channels/${channelName}/messages/${messageName}` };
}
