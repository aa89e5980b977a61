import { Module } from '@nestjs/common';

import { Metrics } from '../metrics/index.js';
import { AppendPipeline } from './append-pipeline.js';
import { CommitFeed } from './commit-feed.js';
import { EventFactory } from './event-factory.js';
import { ExternalAppends } from './external-appends.js';
import { History } from './history.js';
import { Oversight } from './oversight.js';
import { Notices } from './notices.js';
import { Redaction } from './redaction.js';
import { Redactor } from './redactor.js';
import { RuleRedactor } from './rule-redactor.js';
import { RunPlaces } from './run-places.js';
import { RunRegistry } from './run-registry.js';
import { RunResolver } from './run-resolver.js';
import { RunStarter } from './run-starter.js';
import { OpenStorage, StorageCheck } from './storage-task.js';
import { THREADS_OPTIONS, ThreadsModuleBase, type ThreadsOptions } from './threads-options.js';
import { ThreadsService } from './threads-service.js';
import { WatchedThreads } from './watched-threads.js';

const SERVICES = [
  AppendPipeline,
  CommitFeed,
  EventFactory,
  ExternalAppends,
  History,
  Oversight,
  Notices,
  Redaction,
  RunPlaces,
  RunRegistry,
  RunResolver,
  RunStarter,
  ThreadsService,
  WatchedThreads,
];

/** Threads, their logs and their runs: everything that is durable, behind one way in. */
@Module({
  providers: [
    ...SERVICES,
    OpenStorage,
    StorageCheck,
    {
      provide: RuleRedactor,
      useFactory: (metrics: Metrics, { redaction }: Partial<ThreadsOptions>) => new RuleRedactor(metrics, redaction),
      inject: [Metrics, THREADS_OPTIONS],
    },
  ],
  exports: [...SERVICES, Redactor],
})
export class ThreadsModule extends ThreadsModuleBase {}
