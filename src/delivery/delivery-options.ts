import { ConfigurableModuleBuilder, type Provider, type Type } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { OfflineNotifier } from './notices/offline-notifier.js';
import { WebhookNotifier, type WebhookOptions } from './notices/webhook-notifier.js';

/** How users who are away are told. Durations in ms. */
export class DeliveryOptions {
  /** The offline notifier, where no class replaces it; null: there is none. */
  webhook: WebhookOptions | null = null;

  /** After the last connection to which an event may have come has gone: how long its client may take to come back. */
  returnMs = 2_000;

  /** The same after a start of the process, for what its predecessor owed: its clients have all gone. */
  returnAfterStartMs = 5_000;

  /** Notices in hand at once, those that wait for a receipt or for a return aside; what is over waits in the storage. */
  maxNoticesInHand = 10_000;

  /** Notices that wait at once for a receipt or for a return. Of what is over users are told; the rest is done later. */
  maxReceipts = 10_000;

  /** Owed notices that one sweep looks at; the next one goes on behind them. */
  noticesPerSweep = 10_000;

  /** Calls of the offline notifier at once. */
  maxNotifierCalls = 8;

  /** One call of the offline notifier. */
  notifierTimeoutMs = 10_000;

  /** Since the event: a notice that is older is given up when the offline notifier fails again. */
  giveUpAfterMs = 86_400_000;
}

/** What can be given to the module beside its options. */
export interface DeliveryExtras {
  /** Takes the place of the webhook. What it needs is provided by global modules. */
  readonly offlineNotifier?: Type<OfflineNotifier> | undefined;
}

export const { ConfigurableModuleClass: DeliveryModuleBase, MODULE_OPTIONS_TOKEN: GIVEN_DELIVERY_OPTIONS } =
  new ConfigurableModuleBuilder<Partial<DeliveryOptions>>({ moduleName: 'Delivery' })
    .setClassMethodName('forRoot')
    .setExtras<DeliveryExtras>({}, (definition, { offlineNotifier }) => ({
      ...definition,
      global: true,
      providers: [...(definition.providers ?? []), notifierProvider(offlineNotifier)],
    }))
    .build();

function notifierProvider(offlineNotifier: Type<OfflineNotifier> | undefined): Provider {
  if (offlineNotifier !== undefined) return { provide: OfflineNotifier, useClass: offlineNotifier };
  return {
    provide: OfflineNotifier,
    useFactory: ({ webhook }: DeliveryOptions, clock: Clock) =>
      webhook === null ? null : new WebhookNotifier(webhook, clock),
    inject: [DeliveryOptions, Clock],
  };
}
