import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';

import { SOCKET_PATH } from '../startup/index.js';
import { Describe } from './describe.decorator.js';

const INDEX = z.record(z.string(), z.string());

/** Tells whoever opens the address in a browser what it is. */
@Controller()
@ApiTags('Operation')
export class RootController {
  @Get()
  @Describe({ does: 'Says where everything is.', answers: { 200: { says: 'Names and paths.', json: INDEX } } })
  index(): z.infer<typeof INDEX> {
    return {
      name: 'threadcast',
      sockets: `${SOCKET_PATH}/`,
      api: '/api/threads',
      ready: '/health/ready',
      metrics: '/metrics',
      documentation: '/docs',
    };
  }
}
