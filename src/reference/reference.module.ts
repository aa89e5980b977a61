import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { RequestCatalogue } from '../gateway/index.js';
import { AsyncApi } from './async-api.js';
import { OpenApi } from './open-api.js';
import { ReferenceController } from './reference.controller.js';

/** What the application can be asked, described from its own code. */
@Module({
  imports: [DiscoveryModule],
  controllers: [ReferenceController],
  providers: [AsyncApi, OpenApi, RequestCatalogue],
  exports: [AsyncApi, OpenApi],
})
export class ReferenceModule {}
