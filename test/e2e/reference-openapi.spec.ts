import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpAdapterHost } from '@nestjs/core';
import { Validator } from '@seriousme/openapi-schema-validator';

import { OpenApi } from '../../src/reference/index.js';
import { TestServer } from '../../src/testing/index.js';

interface Described {
  readonly route: string;
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly requestBody?: object;
  readonly parameters: readonly { readonly name: string; readonly description?: string; readonly schema?: object }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}

/** A layer of Express's router; only those of routes have one. */
interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
}

const PROBLEM = '#/components/schemas/Problem';
const HOW = 'Put @Describe({ does, answers }) on its handler: see docs/adr/0009-descriptions-from-code.md';

let server: TestServer;
let document: ReturnType<OpenApi['document']>;
let operations: readonly Described[];

beforeAll(async () => {
  server = await TestServer.start();
  const response = await server.fetch(null, '/docs/openapi.json');
  document = (await response.json()) as typeof document;
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, operation]) => ({ ...(operation as object), route: `${method.toUpperCase()} ${path}` }) as Described,
    ),
  );
});

afterAll(() => server.close());

/** The routes that the running application has, as its HTTP server knows them. */
function servedRoutes(): string[] {
  const { httpAdapter }: HttpAdapterHost = server.get(HttpAdapterHost);
  const { router } = httpAdapter.getInstance<{ router: { stack: readonly Layer[] } }>();
  return router.stack.flatMap(({ route }) => {
    if (route === undefined) return [];
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    const methods = Object.keys(route.methods).filter((method) => route.methods[method] === true);
    return methods.map((method) => `${method.toUpperCase()} ${path}`);
  });
}

describe('The OpenAPI document', () => {
  it('is valid', async () => {
    const result = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>);

    expect(result).toMatchObject({ valid: true });
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it('has every route that is served, and no other', () => {
    expect(operations.length).toBeGreaterThan(15);
    expect(operations.map(({ route }) => route).sort()).toEqual(servedRoutes().sort());
  });

  it('describes each of them: what it does, what it takes, what it answers', () => {
    const faults = operations.flatMap(({ route, summary, parameters, responses }) => {
      const answers = Object.entries(responses).filter(([status]) => Number(status) < 400);
      const answered = answers.filter(([status, { content }]) => content !== undefined || status === '204');
      return [
        ...(summary === undefined || summary === '' ? [`${route} is not described. ${HOW}`] : []),
        ...(answers.length === 0 || answered.length < answers.length ? [`${route} has no answer. ${HOW}`] : []),
        ...parameters
          .filter(({ description }) => description === undefined || description === '')
          .map(({ name }) => `${route}: the parameter ${name} is not described`),
      ];
    });

    expect(faults).toEqual([]);
  });

  it('names the codes of every refusal, with problem documents', () => {
    const refusals = operations.flatMap(({ responses }) =>
      Object.entries(responses).filter(([status]) => Number(status) >= 400),
    );

    expect(refusals.length).toBeGreaterThan(50);
    for (const [status, { description, content = {} }] of refusals) {
      if (status === '503' && 'application/json' in content) continue;
      expect(content).toMatchObject({ 'application/problem+json': { schema: { allOf: [{ $ref: PROBLEM }, {}] } } });
      expect(description).toMatch(/`\w+`: /);
    }
  });

  it('asks for a token exactly where the server does', async () => {
    const refused = await Promise.all(
      operations.map(async ({ route }) => {
        const [method = '', path = ''] = route.split(' ');
        const response = await server.fetch(null, path.replaceAll(/\{\w+\}/g, 'x'), { method });
        await response.body?.cancel();
        return { route, refused: response.status === 401 };
      }),
    );

    expect(refused.filter((one) => one.refused).map(({ route }) => route)).toEqual(
      operations.filter(({ security }) => security !== undefined).map(({ route }) => route),
    );
  });

  it('says what a body and a query have to be', () => {
    expect(find('POST /api/threads/{threadId}/messages').requestBody).toMatchObject({
      required: true,
      content: {
        'application/json': {
          schema: {
            required: ['content'],
            properties: { messageId: { type: ['string', 'null'], minLength: 1, maxLength: 256 } },
          },
        },
      },
    });
    expect(find('GET /api/threads').parameters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, default: 100 } }),
      ]),
    );
  });

  it('shows the log as pages and as a stream', () => {
    expect(Object.keys(find('GET /api/threads/{threadId}/events').responses['200']!.content ?? {})).toEqual([
      'application/json',
      'text/event-stream',
    ]);
  });
});

function find(route: string): Described {
  return operations.find((operation) => operation.route === route)!;
}
