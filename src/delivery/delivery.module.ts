import { Module } from '@nestjs/common';

import { Bus } from '../cluster/index.js';

import { Acknowledgements } from './acknowledgements.js';
import { Channels } from './channels.js';
import { ClosedConnectionBounds, ClosedConnections } from './closed-connections.js';
import { ConnectionThreads } from './connection-threads.js';
import { DeliveryAudit } from './audit.js';
import { DeliveryViews } from './delivery-views.js';
import { DeliveryModuleBase, DeliveryOptions, GIVEN_DELIVERY_OPTIONS } from './delivery-options.js';
import { FollowingHistory, HistoryBounds } from './following-history.js';
import { DeliveryCheck } from './delivery-check.js';
import { DeliveryLag } from './delivery-lag.js';
import { Followers } from './followers.js';
import { HandOut } from './hand-out.js';
import { LiveConnections } from './live-connections.js';
import { LogPages, PageBounds } from './log-pages.js';
import {
  ClusterPresence,
  LocalPresence,
  NoticeCourier,
  NoticeErrand,
  NotifierCalls,
  OwedReceipts,
  Presence,
  RemoteReceipts,
  RestNotices,
  TakeUpNotices,
} from './notices/index.js';
import { CommitPublisher, LogReads, RemoteCommits } from './relay/index.js';

/**
 * Brings the log to whoever follows it, and the ends and questions of runs to users who do not. Global. Needs
 * ThreadsModule.
 */
@Module({
  providers: [
    {
      provide: DeliveryOptions,
      useFactory: (given: Partial<DeliveryOptions>) => Object.assign(new DeliveryOptions(), given),
      inject: [GIVEN_DELIVERY_OPTIONS],
    },
    {
      provide: Presence,
      useFactory: (bus: Bus, alone: LocalPresence, shared: ClusterPresence) => (bus.isShared ? shared : alone),
      inject: [Bus, LocalPresence, ClusterPresence],
    },
    Acknowledgements,
    Channels,
    ClosedConnectionBounds,
    ClosedConnections,
    ClusterPresence,
    CommitPublisher,
    ConnectionThreads,
    DeliveryAudit,
    DeliveryViews,
    DeliveryCheck,
    DeliveryLag,
    Followers,
    FollowingHistory,
    HandOut,
    HistoryBounds,
    LiveConnections,
    LocalPresence,
    LogPages,
    LogReads,
    NoticeCourier,
    NoticeErrand,
    NotifierCalls,
    OwedReceipts,
    RemoteReceipts,
    PageBounds,
    RemoteCommits,
    RestNotices,
    TakeUpNotices,
  ],
  exports: [Channels, DeliveryViews, DeliveryOptions, Followers, FollowingHistory, LiveConnections, LocalPresence],
})
export class DeliveryModule extends DeliveryModuleBase {}
