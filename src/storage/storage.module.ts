import { ConfigurableModuleBuilder, Global, Module, type OnApplicationShutdown } from '@nestjs/common';

import { PostgresStorage } from './postgres/postgres-storage.js';
import { SqliteStorage } from './sqlite/sqlite-storage.js';
import { Storage } from './storage.js';

export interface StorageOptions {
  /** Directory of the embedded database; made at the opening where it is missing. */
  readonly dataDir: string;
  /** A PostgreSQL database in its place. */
  readonly databaseUrl?: string | null;
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
      useFactory: ({ dataDir, databaseUrl = null }: StorageOptions): Storage =>
        databaseUrl === null ? new SqliteStorage({ dataDir }) : new PostgresStorage({ url: databaseUrl }),
      inject: [MODULE_OPTIONS_TOKEN],
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
