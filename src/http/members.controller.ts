import { Controller, Delete, Param, Put, UseGuards } from '@nestjs/common';

import { invalidFields } from '../errors/index.js';
import { userIdFault, type Principal } from '../identity/index.js';
import { parseThreadId } from '../ids/index.js';
import { ThreadsService } from '../threads/index.js';
import { BearerGuard } from './bearer.guard.js';
import { ThreadViews, type ThreadView } from './thread-views.js';
import { User } from './user.decorator.js';

/** Sharing, for the owner of a thread. Doing it twice is as doing it once. */
@Controller('api/threads/:threadId/members/:userId')
@UseGuards(BearerGuard)
export class MembersController {
  constructor(
    private readonly threads: ThreadsService,
    private readonly views: ThreadViews,
  ) {}

  @Put()
  async share(
    @User() { userId }: Principal,
    @Param('threadId') id: string,
    @Param('userId') member: string,
  ): Promise<ThreadView> {
    const threadId = parseThreadId(id);
    await this.threads.share(userId, threadId, memberIdOf(member));
    return this.views.get(userId, threadId);
  }

  @Delete()
  async unshare(
    @User() { userId }: Principal,
    @Param('threadId') id: string,
    @Param('userId') member: string,
  ): Promise<ThreadView> {
    const threadId = parseThreadId(id);
    await this.threads.unshare(userId, threadId, memberIdOf(member));
    return this.views.get(userId, threadId);
  }
}

function memberIdOf(value: string): string {
  const fault = userIdFault(value);
  if (fault !== null) throw invalidFields([{ field: 'userId', message: `userId ${fault}` }]);
  return value;
}
