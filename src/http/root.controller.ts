import { Controller, Get } from '@nestjs/common';

import { SOCKET_PATH } from '../startup/index.js';

/** Tells whoever opens the address in a browser what it is. */
@Controller()
export class RootController {
  @Get()
  index(): Record<string, string> {
    return {
      name: 'threadcast',
      sockets: `${SOCKET_PATH}/`,
      api: '/api/threads',
      ready: '/health/ready',
      metrics: '/metrics',
      documentation: 'docs/protocol.md (sockets) and docs/http-api.md (this API) in the repository',
    };
  }
}
