import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

/** Finds what the modules of this application contribute, by the abstract class that it extends. */
@Injectable()
export class Contributions {
  constructor(private readonly discovery: DiscoveryService) {}

  /**
   * Every provider that is an instance of `kind`, each once, in module order. Controllers are not looked at.
   * Throws for one that is not a singleton: it would be run on a half-made instance.
   */
  of<T extends object>(kind: abstract new (...args: never[]) => T): T[] {
    const found = new Set<T>();
    for (const wrapper of this.discovery.getProviders()) {
      const instance: unknown = wrapper.instance;
      if (!(instance instanceof kind)) continue;
      if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) {
        throw new Error(`${instance.constructor.name} is a ${kind.name} and must have the default scope.`);
      }
      found.add(instance);
    }
    return [...found];
  }
}
