import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';

import { REQUEST_TRAITS, type HandledRequest } from './request-metadata.js';

/** The requests that the gateways of this application handle, as their handlers declare them. */
@Injectable()
export class RequestCatalogue {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  all(): readonly HandledRequest[] {
    return this.discovery.getProviders().flatMap(({ instance }) => this.#handledBy(instance));
  }

  #handledBy(instance: unknown): HandledRequest[] {
    if (typeof instance !== 'object' || instance === null) return [];
    const prototype = Object.getPrototypeOf(instance) as Readonly<Record<string, object>> | null;
    return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
      const handler = prototype?.[name];
      if (handler === undefined) return [];
      return (Reflect.getMetadata(REQUEST_TRAITS, handler) as HandledRequest | undefined) ?? [];
    });
  }
}
