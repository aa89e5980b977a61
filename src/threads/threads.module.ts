import { Module } from '@nestjs/common';

import { AppendPipeline } from './append-pipeline.js';
import { CommitFeed } from './commit-feed.js';
import { EventFactory } from './event-factory.js';
import { History } from './history.js';
import { Redactor } from './redactor.js';
import { RuleRedactor } from './rule-redactor.js';
import { RunRegistry } from './run-registry.js';
import { RunStarter } from './run-starter.js';
import { OpenStorage, StorageCheck } from './storage-task.js';
import { ThreadsModuleBase } from './threads-options.js';
import { ThreadsService } from './threads-service.js';

const SERVICES = [AppendPipeline, CommitFeed, EventFactory, History, RunRegistry, RunStarter, ThreadsService];

/** Threads, their logs and their runs: everything that is durable, behind one way in. */
@Module({
  providers: [...SERVICES, OpenStorage, StorageCheck, { provide: Redactor, useClass: RuleRedactor }],
  exports: [...SERVICES, Redactor],
})
export class ThreadsModule extends ThreadsModuleBase {}
