import type { JsonSchema } from '../../schema/index.js';
import type { AsyncApiDocument, Message } from '../async-api-document.js';
import { html, NOTHING, prose, type Html } from './html.js';
import type { Schemas } from './schemas.js';

/** What stands on the page of the socket protocol. */
export function socketSections({ channels }: AsyncApiDocument, schemas: Schemas): Html {
  const { handshake, requests, answers, connection, threads, batches } = channels;
  const envelopes = Object.values(threads.messages).map(({ payload }) => schemas.resolved(payload));
  return html`
    <section id="connecting">
      <h2>Connecting</h2>
      <p>${prose(handshake.description)}</p>
      <pre><code>const socket = io(url, { auth: { token, threadId, after: 0 } });
const answer = await socket.emitWithAck('user_message', { content: 'Hello', messageId: crypto.randomUUID() });</code></pre>
      ${Object.values(handshake.messages).map(({ payload }) => schemas.show(schemas.resolved(payload)))}
    </section>
    <section id="requests">
      <h2>Requests</h2>
      <p>
        ${prose(requests.description)} The callback is given <code>{ ok: true, … }</code> with what stands under
        “answer”, or a <a href="#form-Refusal">Refusal</a>. Without a callback, a refusal comes as the event
        <a href="#event-exception"><code>exception</code></a
        >.
      </p>
      ${Object.entries(requests.messages).map(([type, message]) => request(type, message, answers.messages[type], schemas))}
    </section>
    <section id="connection-events">
      <h2>Events of the connection</h2>
      <p>${prose(connection.description)}</p>
      ${Object.values(connection.messages).map((message) => event(message, message.payload, schemas))}
    </section>
    <section id="thread-events">
      <h2>Events of a thread</h2>
      <p>
        ${prose(threads.description)} Each comes in the same envelope, under its type’s name; what is told of an event
        below is its <code>data</code>.
      </p>
      ${envelopes.slice(0, 1).map((envelope) => schemas.show(withoutData(envelope)))}
      <p>${prose(batches.description)} They come under the one name <code>events</code>.</p>
      ${Object.values(threads.messages).map((message) =>
        event(message, schemas.resolved(message.payload).properties?.['data'] ?? {}, schemas),
      )}
    </section>
  `;
}

function request(
  type: string,
  { summary, description, payload }: Message,
  answer: Message | undefined,
  schemas: Schemas,
): Html {
  const answered = answer === undefined ? undefined : (answer.payload.anyOf?.[0] ?? answer.payload);
  return html`<article id="request-${type}">
    <h3><code>${type}</code></h3>
    <p>${prose(summary)}${description === undefined ? NOTHING : html` ${prose(description)}`}</p>
    <h4>payload</h4>
    ${schemas.show(payload)}
    ${
      answered === undefined
        ? NOTHING
        : html`<h4>answer</h4>
            ${schemas.show(without(answered, 'ok'))}`
    }
  </article>`;
}

function event({ name, summary }: Message, data: JsonSchema, schemas: Schemas): Html {
  return html`<article id="event-${name}">
    <h3><code>${name}</code></h3>
    <p>${prose(summary)}</p>
    ${schemas.show({ ...data, description: '' })}
  </article>`;
}

function withoutData(envelope: JsonSchema): JsonSchema {
  const type: JsonSchema = { type: 'string', description: 'The name of the event.' };
  return without({ ...envelope, properties: { ...envelope.properties, type } }, 'data');
}

function without(schema: JsonSchema, field: string): JsonSchema {
  const entries = Object.entries(schema.properties ?? {}).filter(([name]) => name !== field);
  return { ...schema, properties: Object.fromEntries(entries) };
}
