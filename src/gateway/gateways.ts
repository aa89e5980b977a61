import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { GatewayMetadata } from '@nestjs/websockets';
import { GATEWAY_METADATA, GATEWAY_OPTIONS, PORT_METADATA } from '@nestjs/websockets/constants.js';

import { ROOT } from './socket-server.js';
import { isOwn } from './threadcast-gateway.decorator.js';

export interface Gateway {
  readonly name: string;
  readonly instance: Readonly<Record<string, unknown>>;
  /** Begins with `/`; of a pattern, its text. */
  readonly namespace: string;
  /** This server's, and not one of the application around it. */
  readonly own: boolean;
}

/**
 * The gateways of the application. `all` throws for one that cannot be served here: made anew for each request, or on
 * another port or path, where Nest would put a second server beside this one.
 */
@Injectable()
export class Gateways {
  constructor(private readonly discovery: DiscoveryService) {}

  all(): readonly Gateway[] {
    return this.discovery.getProviders().flatMap((wrapper) => {
      const { metatype } = wrapper;
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY_METADATA, metatype)) return [];
      const { name } = metatype;
      if (!wrapper.isDependencyTreeStatic()) {
        throw new Error(`A gateway serves all requests, so ${name} cannot be request-scoped.`);
      }
      const options = (Reflect.getMetadata(GATEWAY_OPTIONS, metatype) ?? {}) as GatewayMetadata;
      const port = (Reflect.getMetadata(PORT_METADATA, metatype) ?? 0) as number;
      if (port !== 0 || options.path !== undefined) {
        throw new Error(`All gateways are on the server’s own port and path, so ${name} cannot name one.`);
      }
      const instance = wrapper.instance as Gateway['instance'];
      return { name, instance, namespace: namespaceOf(options), own: isOwn(metatype) };
    });
  }
}

function namespaceOf({ namespace = ROOT }: GatewayMetadata): string {
  return typeof namespace !== 'string' || namespace.startsWith(ROOT) ? String(namespace) : `${ROOT}${namespace}`;
}
