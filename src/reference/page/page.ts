import type { OpenAPIObject } from '@nestjs/swagger';

import { THREAD_EVENTS } from '../../protocol/index.js';
import type { JsonSchema } from '../../schema/index.js';
import type { AsyncApiDocument } from '../async-api-document.js';
import { html, prose, type Html } from './html.js';
import { errorSection, httpSection, routesOf, type Route } from './http-sections.js';
import { Schemas } from './schemas.js';
import { socketSections } from './socket-sections.js';

/** Nothing on the page runs, nothing comes from elsewhere. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Both documents, for people. */
export function page(asyncApi: AsyncApiDocument, openApi: OpenAPIObject): string {
  const forms = { ...openApi.components?.schemas, ...asyncApi.components.schemas } as Record<string, JsonSchema>;
  const schemas = new Schemas(forms);
  const routes = routesOf(openApi);
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Threadcast: API reference</title>
        <link rel="stylesheet" href="/docs/style.css" />
      </head>
      <body>
        ${navigation(asyncApi, routes)}
        <main>
          <h1>Threadcast ${asyncApi.info.version}</h1>
          <p>${prose(asyncApi.info.description)}</p>
          <p>
            For machines: <a href="/docs/asyncapi.json">AsyncAPI</a> of the sockets,
            <a href="/docs/openapi.json">OpenAPI</a> of HTTP. All three are made from the code that this server runs.
          </p>
          ${socketSections(asyncApi, schemas)} ${httpSection(openApi.info.description ?? '', routes, schemas)}
          ${errorSection()} ${formSection(forms, schemas)}
        </main>
      </body>
    </html> `;
  return body.text;
}

function navigation({ channels: { requests, connection, threads } }: AsyncApiDocument, routes: readonly Route[]): Html {
  const named = (prefix: string, names: object): Html =>
    links(Object.keys(names).map((name) => [`${prefix}-${name}`, name]));
  const calls = routes.map(({ operationId, method, path }): Link => [
    `http-${operationId}`,
    `${method.toUpperCase()} ${path}`,
  ]);
  return html`<nav>
    <a href="#connecting">Connecting</a>
    <a href="#requests">Requests</a>${named('request', requests.messages)}
    <a href="#connection-events">Events of the connection</a>${named('event', connection.messages)}
    <a href="#thread-events">Events of a thread</a>${named('event', threads.messages)}
    <a href="#http">HTTP</a>${links(calls)}
    <a href="#errors">Error codes</a>
    <a href="#forms">Forms</a>
  </nav>`;
}

/** An id on the page, and what is shown for it. */
type Link = readonly [id: string, text: string];

function links(targets: readonly Link[]): Html {
  return html`<ul>
    ${targets.map(
      ([id, text]) =>
        html`<li>
          <a href="#${id}"><code>${text}</code></a>
        </li>`,
    )}
  </ul>`;
}

/** Forms that others refer to; those of events stand where the events do. */
function formSection(forms: Readonly<Record<string, JsonSchema>>, schemas: Schemas): Html {
  const shown = Object.entries(forms).sort(([a], [b]) => (a < b ? -1 : 1));
  return html`<section id="forms">
    <h2>Forms</h2>
    ${shown.map(([name, form]) => {
      const isEvent = Object.hasOwn(THREAD_EVENTS, name);
      const content = isEvent
        ? html`<p>See <a href="#event-${name}">the event</a>.</p>`
        : schemas.show({ ...form, description: '' });
      return html`<article id="form-${name}">
        <h3>${name}</h3>
        <p>${prose(form.description ?? '')}</p>
        ${content}
      </article>`;
    })}
  </section>`;
}
