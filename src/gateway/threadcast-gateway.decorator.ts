import { UseFilters, UseGuards, UseInterceptors, applyDecorators } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';

import { ContextInterceptor } from './context.interceptor.js';
import { ReadyGuard } from './ready.guard.js';
import { RequestErrorFilter } from './request-error.filter.js';

/** A gateway of this server: guard, interceptor and filter run for each of its requests. */
export function ThreadcastGateway(): ClassDecorator {
  return applyDecorators(
    WebSocketGateway(),
    UseGuards(ReadyGuard),
    UseInterceptors(ContextInterceptor),
    UseFilters(RequestErrorFilter),
  );
}
