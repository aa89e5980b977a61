import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';

import { Describe } from '../http/index.js';
import type { AsyncApiDocument } from './async-api-document.js';
import { AsyncApi } from './async-api.js';
import { OpenApi } from './open-api.js';
import { page, PAGE_POLICY } from './page/page.js';
import { STYLE } from './page/style.js';

const DOCUMENT = z.record(z.string(), z.unknown());

/** The API reference. Public: it says what can be asked, and nothing of what is here. */
@Controller('docs')
@ApiTags('Reference')
export class ReferenceController {
  #page: string | null = null;

  constructor(
    private readonly openApi: OpenApi,
    private readonly asyncApi: AsyncApi,
  ) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', PAGE_POLICY)
  @Describe<string>({
    does: 'Shows the socket protocol and the HTTP API, for people.',
    answers: { 200: { says: 'This page.', others: { 'text/html': { type: 'string' } } } },
  })
  page(): string {
    this.#page ??= page(this.asyncApi.document(), this.openApi.document());
    return this.#page;
  }

  @Get('style.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Describe<string>({
    does: 'Gives the style of that page.',
    answers: { 200: { says: 'CSS.', others: { 'text/css': { type: 'string' } } } },
  })
  style(): string {
    return STYLE;
  }

  @Get('openapi.json')
  @Describe<object>({
    does: 'Gives the OpenAPI document of the HTTP API.',
    answers: { 200: { says: 'The document.', json: DOCUMENT } },
  })
  openapi(): OpenAPIObject {
    return this.openApi.document();
  }

  @Get('asyncapi.json')
  @Describe<object>({
    does: 'Gives the AsyncAPI document of the socket protocol.',
    answers: { 200: { says: 'The document.', json: DOCUMENT } },
  })
  asyncapi(): AsyncApiDocument {
    return this.asyncApi.document();
  }
}
