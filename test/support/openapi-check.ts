import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

import type { OpenApi } from '../../src/reference/index.js';
import { closed } from './closed-schemas.js';

type Document = ReturnType<OpenApi['document']>;

export interface CheckedAnswer {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  /** Parsed, where it is JSON. */
  readonly body: unknown;
}

const CHECKS = new WeakMap<OpenApi, OpenApiCheck>();

/** Compares what a server answers with what its OpenAPI document says. Fields that are not described are faults. */
export class OpenApiCheck {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #routes: readonly { readonly template: string; readonly pattern: RegExp }[];

  /** The check of an application by its own document. */
  static of(openApi: OpenApi): OpenApiCheck {
    const known = CHECKS.get(openApi);
    if (known !== undefined) return known;
    const check = new OpenApiCheck(openApi.document());
    CHECKS.set(openApi, check);
    return check;
  }

  private constructor(private readonly document: Document) {
    this.#ajv.addSchema(closed(document), 'openapi');
    // Fixed paths go before those with parameters.
    const templates = Object.keys(document.paths).sort((a, b) => a.split('{').length - b.split('{').length);
    this.#routes = templates.map((template) => ({
      template,
      pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
    }));
  }

  /** Throws where an answer is not as it is described. Of paths that there are not, nothing is. */
  check(answer: CheckedAnswer): void {
    const faults = this.#faults(answer);
    if (faults.length > 0) throw new Error(`Not as described:\n${faults.join('\n')}`);
  }

  /** The same for an event of a stream. */
  checkEvent(envelope: unknown): void {
    const validate = this.#validator('openapi#/components/schemas/Event');
    if (validate(envelope)) return;
    throw new Error(`Not as described: ${JSON.stringify(envelope)} ${JSON.stringify(validate.errors)}`);
  }

  #faults({ method, path, status, headers, body }: CheckedAnswer): string[] {
    const pathname = path.split('?')[0] ?? '';
    const route = this.#routes.find(({ pattern }) => pattern.test(pathname));
    const operations = route === undefined ? undefined : this.document.paths[route.template];
    const verb = method.toLowerCase();
    const operation = Object.entries(operations ?? {}).find(([name]) => name === verb)?.[1] as
      | { readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, object>> }>> }
      | undefined;
    if (route === undefined || operation === undefined) return [];
    const where = `${method} ${route.template} ${status}`;
    const response = operation.responses[status];
    if (response === undefined) return [`${where} is not described: ${JSON.stringify(body)}`];
    const type = headers.get('Content-Type')?.split(';')[0] ?? '';
    if (response.content === undefined) return body === undefined ? [] : [`${where} is described without a body`];
    if (response.content[type] === undefined) return [`${where} is not described as '${type}'`];
    if (!type.endsWith('json')) return [];
    const pointer = ['paths', route.template, verb, 'responses', `${status}`, 'content', type, 'schema'];
    const validate = this.#validator(`openapi#/${pointer.map(escaped).join('/')}`);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(
      (error) => `${where}: ${error.instancePath} ${error.message ?? ''} ${JSON.stringify(error.params)}`,
    );
  }

  #validator(pointer: string): ValidateFunction {
    const validator = this.#validators.get(pointer) ?? this.#ajv.compile({ $ref: pointer });
    this.#validators.set(pointer, validator);
    return validator;
  }
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}
