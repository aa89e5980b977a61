import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';

import { Bus } from '../cluster/index.js';
import { BearerAuthentication } from './bearer-authentication.js';
import { BearerGuard } from './bearer.guard.js';
import { ConnectionWaits } from './connection-waits.js';
import { ConnectionsController } from './debug/connections.controller.js';
import { DeliveryController } from './debug/delivery.controller.js';
import { ExplainController } from './debug/explain.controller.js';
import { Gathering } from './debug/gathering.js';
import { ClusterNodes } from './debug/cluster-nodes.js';
import { LocalNodeView, SingleNode } from './debug/local-node-view.js';
import { Nodes } from './debug/node-view.js';
import { RunStatesController } from './debug/runs.controller.js';
import { ThreadStatesController } from './debug/threads.controller.js';
import { ResolveController } from './debug/resolve.controller.js';
import { DevTokenController } from './dev-token.controller.js';
import { EventStreams } from './event-streams.js';
import { EventsController } from './events.controller.js';
import { HealthController } from './health.controller.js';
import { HTTP_OPTIONS, HttpModuleBase, HttpOptions } from './http-options.js';
import { HttpStarts } from './http-starts.js';
import { MembersController } from './members.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { RemoteWaits } from './remote-waits.js';
import { RoleGuard } from './role.guard.js';
import { Registrations } from './registrations.js';
import { RootController } from './root.controller.js';
import { RunEventsController } from './run-events.controller.js';
import { RunsController } from './runs.controller.js';
import { StartTurns } from './start-turns.js';
import { StartsController } from './starts.controller.js';
import { StreamLimits } from './stream-limits.js';
import { ThreadViews } from './thread-views.js';
import { ThreadsController } from './threads.controller.js';
import { WaitPlaces } from './wait-places.js';

/**
 * The HTTP API. It translates: what a request asks is done by threads, agents and delivery, as for sockets. An
 * application that imports it calls `configureHttp` before it is initialised.
 */
@Module({
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
    RunEventsController,
    ConnectionsController,
    ThreadStatesController,
    RunStatesController,
    DeliveryController,
    ExplainController,
    ResolveController,
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
    ClusterNodes,
    ConnectionWaits,
    EventStreams,
    Gathering,
    HttpStarts,
    LocalNodeView,
    RemoteWaits,
    RoleGuard,
    Registrations,
    SingleNode,
    StartTurns,
    StreamLimits,
    ThreadViews,
    WaitPlaces,
    {
      provide: Nodes,
      useFactory: (bus: Bus, alone: SingleNode, shared: ClusterNodes) => (bus.isShared ? shared : alone),
      inject: [Bus, SingleNode, ClusterNodes],
    },
  ],
})
export class HttpModule extends HttpModuleBase {}
