import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { catchError, throwError, type Observable } from 'rxjs';

import { validateDto } from '../errors/index.js';
import { UserMessageDto, type StartAgentDto } from './dto/run.dto.js';
import type { IncomingRequest } from './incoming-request.js';
import type { RequestContext, StartAssociation } from './request-context.js';
import { REQUEST_TRAITS, requestOf, type RequestTraits } from './request-metadata.js';
import { StartAssociations } from './start-associations.js';

/**
 * Makes a request ready for its handler: validates the payload, and for starts associates the connection with
 * the thread. Nest runs pipes after interceptors, so validation is done here: what is refused for its form has
 * associated nothing. A handler that fails gives the prepared association back.
 */
@Injectable()
export class ContextInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly associations: StartAssociations,
  ) {}

  async intercept(host: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = requestOf(host);
    const traits = this.reflector.get<RequestTraits>(REQUEST_TRAITS, host.getHandler());
    const dto = validateDto(traits.dto, request.payload);
    const start = traits.associates === true ? await this.#associate(request, dto) : null;
    request.prepare({ dto, context: contextOf(request, start) });
    return next.handle().pipe(
      catchError((error: unknown) => {
        start?.following?.abort();
        return throwError(() => error);
      }),
    );
  }

  #associate(request: IncomingRequest, dto: object): Promise<StartAssociation> {
    return this.associations.prepare(request.connection, dto as UserMessageDto | StartAgentDto);
  }
}

function contextOf(request: IncomingRequest, start: StartAssociation | null): RequestContext | null {
  const { principal, connectionId } = request.connection;
  if (principal === null) return null;
  return Object.freeze({ user: principal, connection: Object.freeze({ connectionId }), start });
}
