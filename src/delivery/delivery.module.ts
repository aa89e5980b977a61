import { Module } from '@nestjs/common';

import { Channels } from './channels.js';
import { DeliveryAudit } from './audit.js';
import { Followers } from './followers.js';

/** Brings the log to whoever follows it. Needs ThreadsModule. */
@Module({ providers: [Channels, DeliveryAudit, Followers], exports: [Channels, Followers] })
export class DeliveryModule {}
