import { ConfigurableModuleBuilder, Module, type OnApplicationShutdown } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { IdGenerator } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { Bus } from './bus.js';
import { BusCheck } from './bus-check.js';
import { ClusterSockets, OwnSockets } from './cluster-sockets.js';
import { JoinBus } from './join-bus.js';
import { LocalBus } from './local-bus.js';
import { LocalPlaces } from './local-places.js';
import { RedisBudgets } from './redis/redis-budgets.js';
import { RedisBus } from './redis/redis-bus.js';
import { RedisPlaces } from './redis/redis-places.js';
import { RedisSockets } from './redis/redis-sockets.js';
import { RedisWords } from './redis/redis-words.js';
import { OwnWords, SharedWords } from './shared-words.js';
import { ThisNode } from './this-node.js';
import { NoSharedBudgets, UserBudgets } from './user-budgets.js';
import { UserPlaces } from './user-places.js';

export interface ClusterOptions {
  /** Null: this node is alone. */
  readonly redisUrl: string | null;
  /** Prefix of every key and channel. */
  readonly clusterName: string;
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<ClusterOptions>()
  .setClassMethodName('forRoot')
  .setExtras({}, (definition) => ({ ...definition, global: true }))
  .build();

/** This node, and what it tells and hears of the others. Global. It is left after everything that may still speak. */
@Module({
  providers: [
    ThisNode,
    {
      provide: Bus,
      useFactory: (
        { redisUrl, clusterName }: ClusterOptions,
        node: ThisNode,
        ids: IdGenerator,
        clock: Clock,
        metrics: Metrics,
      ): Bus =>
        redisUrl === null
          ? new LocalBus(node, clock)
          : new RedisBus({ url: redisUrl, clusterName }, node, ids, clock, metrics),
      inject: [MODULE_OPTIONS_TOKEN, ThisNode, IdGenerator, Clock, Metrics],
    },
    {
      provide: UserPlaces,
      useFactory: (bus: Bus, clock: Clock, metrics: Metrics): UserPlaces =>
        bus instanceof RedisBus ? new RedisPlaces(bus, clock, metrics) : new LocalPlaces(),
      inject: [Bus, Clock, Metrics],
    },
    {
      provide: UserBudgets,
      useFactory: (bus: Bus, clock: Clock, metrics: Metrics): UserBudgets =>
        bus instanceof RedisBus ? new RedisBudgets(bus, clock, metrics) : new NoSharedBudgets(),
      inject: [Bus, Clock, Metrics],
    },
    {
      provide: SharedWords,
      useFactory: ({ redisUrl, clusterName }: ClusterOptions, clock: Clock): SharedWords =>
        redisUrl === null ? new OwnWords() : new RedisWords(redisUrl, clusterName, clock),
      inject: [MODULE_OPTIONS_TOKEN, Clock],
    },
    {
      provide: ClusterSockets,
      useFactory: ({ redisUrl, clusterName }: ClusterOptions, clock: Clock, metrics: Metrics): ClusterSockets =>
        redisUrl === null ? new OwnSockets() : new RedisSockets(redisUrl, clusterName, clock, metrics),
      inject: [MODULE_OPTIONS_TOKEN, Clock, Metrics],
    },
    { provide: BusCheck, useFactory: (bus: Bus) => (bus.isShared ? new BusCheck(bus) : null), inject: [Bus] },
    JoinBus,
  ],
  exports: [Bus, ClusterSockets, SharedWords, ThisNode, UserBudgets, UserPlaces],
})
export class ClusterModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  constructor(
    private readonly bus: Bus,
    private readonly sockets: ClusterSockets,
  ) {
    super();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.bus.close(), this.sockets.close()]);
  }
}
