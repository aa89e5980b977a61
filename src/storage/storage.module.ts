import { ConfigurableModuleBuilder, Global, Module, type OnApplicationShutdown } from '@nestjs/common';

import { Metrics } from '../metrics/index.js';
import { PostgresStorage } from './postgres/postgres-storage.js';
import { SqliteStorage } from './sqlite/sqlite-storage.js';
import { Storage } from './storage.js';

export interface StorageOptions {
  /** Directory of the embedded database; made at the opening where it is missing. */
  readonly dataDir: string;
  /** A PostgreSQL database in its place. */
  readonly databaseUrl?: string | null;
  /** Whether other processes that say so too may be at work on that database at the same time. Default false. */
  readonly isShared?: boolean;
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<StorageOptions>()
  .setClassMethodName('forRoot')
  .build();

/**
 * Gives `Storage` to every module. It is not opened here: a startup task does that, so that a failure ends the
 * start with its reason. It is closed after everything that may still write.
 */
@Global()
@Module({
  providers: [
    {
      provide: Storage,
      useFactory: (
        { dataDir, databaseUrl = null, isShared = false }: StorageOptions,
        metrics: Metrics = new Metrics(),
      ): Storage =>
        databaseUrl === null
          ? new SqliteStorage({ dataDir, metrics })
          : new PostgresStorage({ url: databaseUrl, isShared }),
      inject: [MODULE_OPTIONS_TOKEN, { token: Metrics, optional: true }],
    },
  ],
  exports: [Storage],
})
export class StorageModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  constructor(private readonly storage: Storage) {
    super();
  }

  onApplicationShutdown(): Promise<void> {
    return this.storage.close();
  }
}
