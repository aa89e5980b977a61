import { Global, Module } from '@nestjs/common';

import { IdGenerator, RandomIdGenerator } from './id-generator.js';

/** Ids everywhere by injection of `IdGenerator`; reading them needs no injection (`parseThreadId`, `parseRunId`). */
@Global()
@Module({ providers: [{ provide: IdGenerator, useClass: RandomIdGenerator }], exports: [IdGenerator] })
export class IdModule {}
