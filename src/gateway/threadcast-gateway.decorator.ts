import { UseFilters, UseGuards, UseInterceptors, SetMetadata, applyDecorators } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';

import { ContextInterceptor } from './context.interceptor.js';
import { ReadyGuard } from './ready.guard.js';
import { RequestErrorFilter } from './request-error.filter.js';

const OWN = 'threadcast:gateway';

/** A gateway of this server: guard, interceptor and filter run for each of its requests. */
export function ThreadcastGateway(): ClassDecorator {
  return applyDecorators(
    WebSocketGateway(),
    SetMetadata(OWN, true),
    UseGuards(ReadyGuard),
    UseInterceptors(ContextInterceptor),
    UseFilters(RequestErrorFilter),
  );
}

/** It is one of this server's gateways, and not of the application around it. */
export function isOwn(gateway: object): boolean {
  return Reflect.hasMetadata(OWN, gateway);
}
