import { Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';

import type { IncomingRequest } from './incoming-request.js';

/** A handler as Nest gives it to the adapter: guard, interceptor and filter around it, bound to its socket. */
export type BoundHandler = (payload: unknown, request: IncomingRequest) => Promise<Observable<unknown> | undefined>;

/** The handlers of each socket, by request type; as Nest binds them when a client connects. */
@Injectable()
export class RequestHandlers {
  readonly #handlers = new WeakMap<object, Map<string, BoundHandler>>();

  bind(socket: object, type: string, handler: BoundHandler): void {
    const handlers = this.#handlers.get(socket) ?? new Map<string, BoundHandler>();
    handlers.set(type, handler);
    this.#handlers.set(socket, handlers);
  }

  find(socket: object, type: string): BoundHandler | undefined {
    return this.#handlers.get(socket)?.get(type);
  }
}
