import { Injectable } from '@nestjs/common';
import { ExternalContextCreator, MetadataScanner, type ParamsFactory } from '@nestjs/core';
import { MESSAGE_METADATA, PARAM_ARGS_METADATA } from '@nestjs/websockets/constants.js';
import { WsParamsFactory } from '@nestjs/websockets/factories/ws-params-factory.js';
import type { Socket } from 'socket.io';

import { Gateways, type Gateway } from './gateways.js';
import type { IncomingRequest } from './incoming-request.js';
import { ROOT } from './socket-server.js';

/** A handler with its guard, interceptor and filter around it; `undefined` where one of these has answered. */
export type RequestHandler = (
  socket: Socket,
  payload: unknown,
  request: IncomingRequest,
  type: string,
) => Promise<unknown>;

type Method = (...args: readonly unknown[]) => unknown;

interface HandlingMethod {
  readonly type: string;
  readonly gateway: Gateway;
  readonly name: string;
}

const ofNest = new WsParamsFactory();

const PARAMS: ParamsFactory = {
  exchangeKeyForValue: (type, data, args: unknown[]): unknown =>
    ofNest.exchangeKeyForValue(type, typeof data === 'string' ? data : undefined, args),
};

/**
 * The handlers of the gateways of `/` by request type, made once. Nest binds those of every gateway to every socket that
 * connects: of a connection that does nothing, that was the largest part. Those of other namespaces stay with Nest.
 */
@Injectable()
export class RequestHandlers {
  #handlers: ReadonlyMap<string, RequestHandler> | null = null;

  constructor(
    private readonly gateways: Gateways,
    private readonly scanner: MetadataScanner,
    private readonly contexts: ExternalContextCreator,
  ) {}

  /** Throws where two gateways of a namespace handle the same: which of them serves it would be chance. */
  check(): void {
    const names = new Map<string, string>();
    for (const { type, gateway } of this.#all()) {
      const { name, namespace } = gateway;
      const place = JSON.stringify([namespace, type]);
      const other = names.get(place);
      if (other !== undefined) {
        throw new Error(`In ${namespace}, '${type}' is handled twice: by ${other} and by ${name}.`);
      }
      names.set(place, name);
    }
  }

  find(type: string): RequestHandler | undefined {
    this.#handlers ??= this.#make();
    return this.#handlers.get(type);
  }

  #make(): ReadonlyMap<string, RequestHandler> {
    const ofRoot = this.#all().filter(({ gateway }) => gateway.namespace === ROOT);
    return new Map(ofRoot.map(({ type, gateway, name }) => [type, this.#around(gateway.instance, name)]));
  }

  #all(): readonly HandlingMethod[] {
    return this.gateways.all().flatMap((gateway) =>
      this.scanner.getAllMethodNames(Object.getPrototypeOf(gateway.instance) as object).flatMap((name) => {
        const type = Reflect.getMetadata(MESSAGE_METADATA, gateway.instance[name] as Method) as string | undefined;
        return type === undefined ? [] : { type, gateway, name };
      }),
    );
  }

  #around(gateway: Gateway['instance'], name: string): RequestHandler {
    const key = PARAM_ARGS_METADATA;
    const method = gateway[name] as Method;
    return this.contexts.create(gateway, method, name, key, PARAMS, undefined, undefined, undefined, 'ws');
  }
}
