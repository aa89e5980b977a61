import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';

import { DeliveryModule } from '../delivery/index.js';
import { BearerAuthentication } from './bearer-authentication.js';
import { BearerGuard } from './bearer.guard.js';
import { DevTokenController } from './dev-token.controller.js';
import { EventStreams } from './event-streams.js';
import { EventsController } from './events.controller.js';
import { HealthController } from './health.controller.js';
import { HTTP_OPTIONS, HttpModuleBase, HttpOptions } from './http-options.js';
import { MembersController } from './members.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { RootController } from './root.controller.js';
import { RunsController } from './runs.controller.js';
import { StartsController } from './starts.controller.js';
import { StreamLimits } from './stream-limits.js';
import { ThreadViews } from './thread-views.js';
import { ThreadsController } from './threads.controller.js';

/**
 * The HTTP API. It translates: what a request asks is done by threads, agents and delivery, as for sockets. An
 * application that imports it calls `configureHttp` before it is initialised.
 */
@Module({
  imports: [DeliveryModule],
  controllers: [
    RootController,
    HealthController,
    MetricsController,
    DevTokenController,
    ThreadsController,
    MembersController,
    EventsController,
    StartsController,
    RunsController,
  ],
  providers: [
    {
      provide: HttpOptions,
      useFactory: (given: Partial<HttpOptions>) => Object.assign(new HttpOptions(), given),
      inject: [HTTP_OPTIONS],
    },
    { provide: APP_FILTER, useClass: ProblemDetailsFilter },
    BearerAuthentication,
    BearerGuard,
    EventStreams,
    StreamLimits,
    ThreadViews,
  ],
})
export class HttpModule extends HttpModuleBase {}
