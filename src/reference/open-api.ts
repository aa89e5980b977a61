import { Injectable, type INestApplication } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

import { gatherSchemas } from '../schema/index.js';
import { withRefusals, type Operation } from './refusals.js';
import { VERSION } from './version.js';

const ABOUT =
  'What the socket protocol does, for those who have no socket: threads, messages, runs, events as pages and as a ' +
  'stream. Errors are problem documents (RFC 9457); go by `code`.';

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  threadId: 'The id of a thread.',
  runId: 'The id of a run, in any form that can be read.',
  connectionId: 'The id of a connection.',
  userId: 'The id of a user: `sub` of their tokens.',
};

type PathItem = Readonly<Record<string, Operation>>;

/** The HTTP API as an OpenAPI document, made from the controllers of this application, also from those of one's own. */
@Injectable()
export class OpenApi {
  #document: OpenAPIObject | null = null;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly config: ApplicationConfig,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  document(): OpenAPIObject {
    this.#document ??= this.#build();
    return this.#document;
  }

  #build(): OpenAPIObject {
    const head = new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Threadcast')
      .setDescription(ABOUT)
      .setVersion(VERSION)
      .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
      .addServer('/')
      .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
      .build();
    const document = SwaggerModule.createDocument(this.#application(), head, { operationIdFactory });
    const paths = Object.entries(document.paths).map(([path, item]) => [path, completed(path, item as PathItem)]);
    return gatherSchemas({ ...document, paths: Object.fromEntries(paths) as OpenAPIObject['paths'] });
  }

  /** All that the scanner reads of an application. The application itself is made after its providers. */
  #application(): INestApplication {
    const { modules, config, adapterHost } = this;
    const read = { container: { getModules: () => modules }, config, getHttpAdapter: () => adapterHost.httpAdapter };
    return read as unknown as INestApplication;
  }
}

function completed(path: string, item: PathItem): PathItem {
  const operations = Object.entries(item).map(([method, operation]) => [
    method,
    withRefusals(path, { ...operation, parameters: operation.parameters?.map(described) ?? [] }),
  ]);
  return Object.fromEntries(operations) as PathItem;
}

function described(parameter: NonNullable<Operation['parameters']>[number]) {
  const description = parameter.in === 'path' ? PATH_PARAMETERS[parameter.name ?? ''] : undefined;
  return description === undefined ? parameter : { description, ...parameter };
}

/** `ThreadsController.create` is `threads_create`. */
function operationIdFactory(controller: string, method: string): string {
  const name = controller.replace(/Controller$/, '');
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}_${method}`;
}
