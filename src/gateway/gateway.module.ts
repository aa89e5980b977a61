import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { Associations } from './associations.js';
import { Attendance } from './attendance.js';
import { ConnectionCloser } from './connection-closer.js';
import { ConnectionFactory } from './connection-factory.js';
import { ConnectionGateway } from './connection.gateway.js';
import { ConnectionGauges } from './connection-gauges.js';
import { ConnectionLifecycle } from './connection-lifecycle.js';
import { ConnectionRegistry } from './connection-registry.js';
import { Connections } from './connections.js';
import { ContextInterceptor } from './context.interceptor.js';
import { AnnounceDrain, CloseConnections } from './drain-steps.js';
import { Failures } from './failures.js';
import { FirstThread } from './first-thread.js';
import { GatewayConnectionViews } from './gateway-connection-views.js';
import { GIVEN_GATEWAY_OPTIONS, GatewayModuleBase, GatewayOptions } from './gateway-options.js';
import { GatheredWrites } from './gathered-writes.js';
import { HalfOpenTransports } from './half-open-transports.js';
import { ReadyGuard } from './ready.guard.js';
import { Reception } from './reception.js';
import { RequestErrorFilter } from './request-error.filter.js';
import { RequestHandlers } from './request-handlers.js';
import { RequestProcessor } from './request-processor.js';
import { RequestTraces } from './request-traces.js';
import { RunGateway } from './run.gateway.js';
import { RunStarts } from './run-starts.js';
import { StartAssociations } from './start-associations.js';
import { TcpSockets } from './tcp-sockets.js';
import { ThreadGateway } from './thread.gateway.js';
import { TransportEnds } from './transport-ends.js';

/** Socket.IO: connections, their requests, and the way back to them. Needs the other rooms' modules beside it. */
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: GatewayOptions,
      useFactory: (given: Partial<GatewayOptions>) => Object.assign(new GatewayOptions(), given),
      inject: [GIVEN_GATEWAY_OPTIONS],
    },
    AnnounceDrain,
    Associations,
    Attendance,
    CloseConnections,
    ConnectionCloser,
    ConnectionFactory,
    ConnectionGateway,
    ConnectionGauges,
    ConnectionLifecycle,
    ConnectionRegistry,
    Connections,
    ContextInterceptor,
    Failures,
    FirstThread,
    GatewayConnectionViews,
    GatheredWrites,
    HalfOpenTransports,
    ReadyGuard,
    Reception,
    RequestErrorFilter,
    RequestHandlers,
    RequestProcessor,
    RequestTraces,
    RunGateway,
    RunStarts,
    StartAssociations,
    TcpSockets,
    ThreadGateway,
    TransportEnds,
  ],
  exports: [ConnectionRegistry, Connections, GatewayOptions, RequestHandlers],
})
export class GatewayModule extends GatewayModuleBase {}
