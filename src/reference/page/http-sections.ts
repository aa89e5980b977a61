import type { OpenAPIObject } from '@nestjs/swagger';

import { ERRORS, type ErrorCode } from '../../errors/index.js';
import { ERROR_CODES_EXTENSION } from '../../http/index.js';
import type { JsonSchema } from '../../schema/index.js';
import { html, NOTHING, prose, type Html } from './html.js';
import type { Schemas } from './schemas.js';

type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: JsonSchema;
}

/** An operation of the document, with where it is. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
  readonly [ERROR_CODES_EXTENSION]?: readonly ErrorCode[];
}

/** In the order of the document. */
export function routesOf({ paths }: OpenAPIObject): readonly Route[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...(operation as object), method, path }) as Route),
  );
}

/** What stands on the page of the HTTP API, by tag. */
export function httpSection(about: string, routes: readonly Route[], schemas: Schemas): Html {
  const tags = [...new Set(routes.map(tagOf))];
  return html`<section id="http">
    <h2>HTTP</h2>
    <p>${prose(about)}</p>
    ${tags.map(
      (tag) =>
        html`<h3 class="tag">${tag}</h3>
          ${routes.filter((one) => tagOf(one) === tag).map((one) => route(one, schemas))}`,
    )}
  </section>`;
}

function tagOf({ tags = [] }: Route): string {
  return tags[0] ?? 'Others';
}

function route(operation: Route, schemas: Schemas): Html {
  const { method, path, operationId, summary = '', description, parameters = [], requestBody, responses } = operation;
  const answers = Object.entries(responses).filter(([, { content = {} }]) => !isProblem(content));
  return html`<article id="http-${operationId}">
    <h4><span class="method">${method.toUpperCase()}</span> <code>${path}</code></h4>
    <p>${prose(summary)}${description === undefined ? NOTHING : html` ${prose(description)}`} ${whoMay(operation)}</p>
    ${parameters.length === 0 ? NOTHING : schemas.show(formOf(parameters))}
    ${Object.entries(requestBody?.content ?? {}).map(
      ([, { schema = {} }]) =>
        html`<h5>body</h5>
          ${schemas.show(schema)}`,
    )}
    ${answers.map(
      ([status, { description: says, content = {} }]) =>
        html`<h5>${status}</h5>
          <p>${prose(says)}</p>
          ${Object.entries(content).map(([type, { schema = {} }]) => body(type, schema, schemas))}`,
    )}
    <p class="refusals">Refused with ${refusals(operation[ERROR_CODES_EXTENSION] ?? [])}</p>
  </article>`;
}

function isProblem(content: Content): boolean {
  return Object.keys(content).every((type) => type === 'application/problem+json') && Object.keys(content).length > 0;
}

function whoMay({ security = [] }: Route): Html {
  const roles = security.flatMap((requirement) => Object.values(requirement).flat());
  if (security.length === 0) return html`<span class="who">without a token</span>`;
  return html`<span class="who"
    >${roles.length === 0 ? 'with a token' : `with a token of the role ${roles.join(', ')}`}</span
  >`;
}

/** Parameters are shown as the fields of a form are. */
function formOf(parameters: readonly Parameter[]): JsonSchema {
  const fields = parameters.map(({ name, in: place, description, schema = {} }) => [
    `${name}${place === 'header' ? ' (header)' : ''}`,
    { ...schema, ...(description !== undefined && { description }) },
  ]);
  const required = parameters.filter((parameter) => parameter.required === true).map(({ name }) => name);
  return { type: 'object', properties: Object.fromEntries(fields) as Record<string, JsonSchema>, required };
}

function body(type: string, schema: JsonSchema, schemas: Schemas): Html {
  return html`${type === 'application/json' ? NOTHING : html`<p><code>${type}</code></p>`}${schemas.show(schema)}`;
}

function refusals(codes: readonly ErrorCode[]): Html {
  const links = codes.map((code) => html`<a href="#error-${code}"><code>${code}</code></a>`);
  return html`${links.flatMap((link, index) => (index === 0 ? [link] : [html`, `, link]))}.`;
}

/** The catalogue of errors, for sockets and HTTP alike. */
export function errorSection(): Html {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, retryable, message }]) =>
      html`<tr id="error-${code}">
        <td><code>${code}</code></td>
        <td>${status}</td>
        <td>${retryable ? 'yes' : 'no'}</td>
        <td>${message}</td>
      </tr>`,
  );
  return html`<section id="errors">
    <h2>Error codes</h2>
    <p>
      Go by the code; the texts are for people. “Again” says whether the same request may succeed later without a
      change. Sockets are given an <a href="#form-Error">Error</a>, HTTP answers with a
      <a href="#form-Problem">Problem</a> as <code>application/problem+json</code>.
    </p>
    <table>
      <thead>
        <tr>
          <th>code</th>
          <th>status</th>
          <th>again</th>
          <th>meaning</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}
