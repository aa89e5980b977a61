import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';

import {
  BadRequestException,
  Body,
  Controller,
  Get,
  HttpException,
  Module,
  Post,
  Res,
  UnauthorizedException,
  type INestApplication,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import request from 'supertest';

import { ThreadcastError } from '../errors/index.js';
import { IdModule } from '../ids/index.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';

@Controller()
class FailingController {
  @Get('coded')
  coded(): never {
    throw new ThreadcastError('cursor_invalid', { details: { head: 3 } });
  }

  @Get('limited')
  limited(): never {
    throw new ThreadcastError('rate_limited', { retryAfterMs: 2_500 });
  }

  @Get('storage')
  storage(): never {
    throw new ThreadcastError('storage_unavailable', { cause: new Error('disk on fire') });
  }

  @Get('unauthenticated')
  unauthenticated(): never {
    throw new UnauthorizedException('Bring a token.');
  }

  @Get('unexpected')
  unexpected(): never {
    throw new Error('password=hunter2', { cause: new Error('deeper') });
  }

  @Get('gateway')
  gateway(): never {
    throw new HttpException('upstream password=hunter2', 502);
  }

  @Get('half')
  half(@Res() res: Response): never {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('data: 1\n\n');
    throw new Error('the stream broke');
  }

  @Get('fields')
  fields(): never {
    throw new BadRequestException(['content must be a string']);
  }

  @Post('echo')
  echo(@Body() body: unknown): unknown {
    return body;
  }
}

@Module({
  imports: [IdModule],
  controllers: [FailingController],
  providers: [{ provide: APP_FILTER, useClass: ProblemDetailsFilter }],
})
class FailingModule {}

describe('problem details', () => {
  let app: INestApplication;
  let url: string;
  let logged: string[];

  beforeEach(async () => {
    logged = [];
    const keep = (...parts: unknown[]): void => void logged.push(parts.map((part) => inspect(part)).join(' '));
    const logger = { log: keep, error: keep, warn: keep, debug: keep };
    const testing = await Test.createTestingModule({ imports: [FailingModule] })
      .setLogger(logger)
      .compile();
    app = await testing.createNestApplication().init();
    const server = (await app.listen(0, '127.0.0.1')) as Server;
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => app.close());

  const problemAt = async (path: string): Promise<{ res: request.Response; problem: Record<string, unknown> }> => {
    const res = await request(url).get(path);
    expect(res.headers['content-type']).toMatch(/^application\/problem\+json/);
    return { res, problem: JSON.parse(res.text) as Record<string, unknown> };
  };

  it('tells an error of the catalogue with its details', async () => {
    const { res, problem } = await problemAt('/coded');
    expect(res.status).toBe(409);
    expect(problem).toEqual({
      type: 'urn:threadcast:error:cursor_invalid',
      title: 'The cursor does not belong to this log.',
      status: 409,
      detail: 'The cursor does not belong to this log.',
      code: 'cursor_invalid',
      retryable: false,
      details: { head: 3 },
    });
    expect(res.headers['retry-after']).toBeUndefined();
  });

  it('says when to come back, in whole seconds, where time helps', async () => {
    expect((await problemAt('/limited')).res.headers['retry-after']).toBe('3');
    const { res, problem } = await problemAt('/storage');
    expect(res.status).toBe(503);
    expect(res.headers['retry-after']).toBe('1');
    expect(JSON.stringify(problem)).not.toContain('fire');
    expect(logged.join('\n')).toContain('disk on fire');
  });

  it.each([
    ['/nowhere', 404, 'unknown_request'],
    ['/unauthenticated', 401, 'unauthenticated'],
    ['/%FF', 404, 'unknown_request'],
  ])('gives %s the status %d and the code %s', async (path, status, code) => {
    const { res, problem } = await problemAt(path);
    expect(res.status).toBe(status);
    expect(problem).toMatchObject({ status, code });
    expect(res.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  });

  it('refuses a body that is not JSON, without quoting it', async () => {
    const res = await request(url).post('/echo').set('Content-Type', 'application/json').send('{"secret":');
    expect(res.status).toBe(400);
    expect(JSON.parse(res.text)).toMatchObject({ code: 'invalid_payload', detail: 'The body is not valid JSON.' });
  });

  it('refuses a body that is too large', async () => {
    const res = await request(url)
      .post('/echo')
      .send({ text: 'x'.repeat(200_000) });
    expect(res.status).toBe(413);
    expect(JSON.parse(res.text)).toMatchObject({ code: 'message_too_large' });
  });

  it('names the fields that failed', async () => {
    const { problem } = await problemAt('/fields');
    expect(problem).toMatchObject({ code: 'invalid_payload', details: { fields: ['content must be a string'] } });
  });

  it.each(['/unexpected', '/gateway'])('tells nothing of %s but an id that the log has too', async (path) => {
    const { res, problem } = await problemAt(path);
    expect(res.status).toBe(500);
    expect(problem).toMatchObject({ code: 'internal', retryable: true });
    expect(res.text).not.toMatch(/hunter2|problem-details|deeper| at /);
    const { errorId } = problem['details'] as { errorId: string };
    const line = logged.find((text) => text.includes(errorId));
    expect(line).toContain('hunter2');
    if (path === '/unexpected') expect(line).toContain('caused by Error: deeper');
  });

  it('breaks off a stream that fails after its head, so that it does not look complete', async () => {
    await expect(request(url).get('/half')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    expect(logged.join('\n')).toContain('the stream broke');
  });
});
