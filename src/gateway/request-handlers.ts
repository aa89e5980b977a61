import { Injectable } from '@nestjs/common';
import { DiscoveryService, ExternalContextCreator, MetadataScanner, type ParamsFactory } from '@nestjs/core';
import { GATEWAY_METADATA, MESSAGE_METADATA, PARAM_ARGS_METADATA } from '@nestjs/websockets/constants.js';
import { WsParamsFactory } from '@nestjs/websockets/factories/ws-params-factory.js';
import type { Socket } from 'socket.io';

import type { IncomingRequest } from './incoming-request.js';

/** A handler with its guard, interceptor and filter around it; `undefined` where one of these has answered. */
export type RequestHandler = (
  socket: Socket,
  payload: unknown,
  request: IncomingRequest,
  type: string,
) => Promise<unknown>;

type Method = (...args: readonly unknown[]) => unknown;

const ofNest = new WsParamsFactory();

const PARAMS: ParamsFactory = {
  exchangeKeyForValue: (type, data, args: unknown[]): unknown =>
    ofNest.exchangeKeyForValue(type, typeof data === 'string' ? data : undefined, args),
};

/**
 * The handlers of all gateways by request type, made once. Nest binds those of every gateway to every socket that
 * connects: of a connection that does nothing, that was the largest part.
 */
@Injectable()
export class RequestHandlers {
  #handlers: ReadonlyMap<string, RequestHandler> | null = null;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly contexts: ExternalContextCreator,
  ) {}

  find(type: string): RequestHandler | undefined {
    this.#handlers ??= this.#make();
    return this.#handlers.get(type);
  }

  /** Some gateway wants to know of sockets that are gone. */
  hearOfEnds(): boolean {
    return this.#gateways().some((gateway) => typeof gateway['handleDisconnect'] === 'function');
  }

  #make(): ReadonlyMap<string, RequestHandler> {
    const handlers = new Map<string, RequestHandler>();
    for (const gateway of this.#gateways()) {
      for (const name of this.scanner.getAllMethodNames(Object.getPrototypeOf(gateway) as object)) {
        const method = gateway[name] as Method;
        const type = Reflect.getMetadata(MESSAGE_METADATA, method) as string | undefined;
        if (type !== undefined) handlers.set(type, this.#around(gateway, method, name));
      }
    }
    return handlers;
  }

  #around(gateway: object, method: Method, name: string): RequestHandler {
    const { contexts } = this;
    const key = PARAM_ARGS_METADATA;
    return contexts.create(gateway, method, name, key, PARAMS, undefined, undefined, undefined, 'ws');
  }

  #gateways(): readonly Record<string, unknown>[] {
    const wrappers = this.discovery
      .getProviders()
      .filter(({ metatype }) => typeof metatype === 'function' && Reflect.hasMetadata(GATEWAY_METADATA, metatype));
    const scoped = wrappers.find((wrapper) => !wrapper.isDependencyTreeStatic());
    if (scoped !== undefined)
      throw new Error(`A gateway serves all requests, so ${scoped.name} cannot be request-scoped.`);
    return wrappers.map(({ instance }) => instance as Record<string, unknown>);
  }
}
