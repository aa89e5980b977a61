import { SetMetadata, applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { SubscribeMessage } from '@nestjs/websockets';

import type { Answers, RequestType } from '../protocol/index.js';
import { IncomingRequest } from './incoming-request.js';

export interface RequestTraits {
  /** One sentence, for those who read the protocol. */
  readonly does: string;
  readonly dto: new () => object;
  /** Served before the connection is authenticated. */
  readonly open?: boolean;
  /** Associates the connection with the request's thread before the handler runs. */
  readonly associates?: boolean;
}

export interface HandledRequest extends RequestTraits {
  readonly type: RequestType;
}

export const REQUEST_TRAITS = 'threadcast:request';

/** Only for methods that return the answer to the request. */
type HandlerDecorator<T extends RequestType> = <Method extends (...args: never[]) => Answers[T] | Promise<Answers[T]>>(
  target: object,
  key: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** A method that handles a request: its name on the wire, the form of its payload, what comes before it. */
export function Handles<T extends RequestType>(type: T, traits: RequestTraits): HandlerDecorator<T> {
  const handled: HandledRequest = { type, ...traits };
  return applyDecorators(SubscribeMessage(type), SetMetadata(REQUEST_TRAITS, handled));
}

/** The validated payload. */
export const Payload = createParamDecorator((_: unknown, host: ExecutionContext) => requestOf(host).prepared.dto);

/** The `RequestContext`. */
export const Context = createParamDecorator((_: unknown, host: ExecutionContext) => requestOf(host).prepared.context);

/** The request itself: its connection, and steps for after its answer. */
export const Request = createParamDecorator((_: unknown, host: ExecutionContext) => requestOf(host));

/** The request among the arguments that the adapter gives to Nest. */
export function requestOf(host: { getArgs(): readonly unknown[] }): IncomingRequest {
  const request = host.getArgs().find((argument) => argument instanceof IncomingRequest);
  if (!(request instanceof IncomingRequest))
    throw new Error('There is no request among the arguments of this handler.');
  return request;
}
