import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';

import { OpenApi } from '../../src/reference/index.js';
import { TestServer } from '../../src/testing/index.js';

class Weather {
  @ApiProperty({ description: 'In degrees.' })
  warmth!: number;
}

/** As somebody writes it who knows Nest and nothing of this server. */
@Controller('weather')
@ApiTags('Weather')
class WeatherController {
  @Get(':place')
  @ApiOperation({ summary: 'Tells the weather.' })
  @ApiOkResponse({ type: Weather })
  tell(@Param('place') place: string): Weather {
    return { warmth: place.length };
  }
}

@Module({ controllers: [WeatherController] })
class WeatherModule {}

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start({ imports: [WeatherModule] });
});

afterAll(() => server.close());

describe('A controller of one’s own', () => {
  it('is in the OpenAPI document with what its decorators say', () => {
    const { paths, components } = server.get(OpenApi).document();

    expect(paths['/weather/{place}']).toMatchObject({
      get: {
        summary: 'Tells the weather.',
        parameters: [{ name: 'place', in: 'path', required: true }],
        responses: {
          200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Weather' } } } },
          500: { content: { 'application/problem+json': {} } },
        },
      },
    });
    expect(components?.schemas?.['Weather']).toMatchObject({ properties: { warmth: { description: 'In degrees.' } } });
  });

  it('is on the page', async () => {
    const page = await (await server.fetch(null, '/docs')).text();

    expect(page).toContain('<h3 class="tag">Weather</h3>');
    expect(page).toContain('Tells the weather.');
    expect(page).toContain('In degrees.');
    expect(await (await server.fetch(null, '/weather/far')).json()).toEqual({ warmth: 3 });
  });
});
