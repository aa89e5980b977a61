import { Controller, Delete, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { invalidFields } from '../errors/index.js';
import { userIdFault, type Principal } from '../identity/index.js';
import { parseThreadId } from '../ids/index.js';
import { ThreadsService } from '../threads/index.js';
import { Describe } from './describe.decorator.js';
import { ForUsers } from './for-users.decorator.js';
import { THREAD_VIEW, ThreadViews, type ThreadView } from './thread-views.js';
import { User } from './user.decorator.js';

/** Sharing, for the owner of a thread. Doing it twice is as doing it once. */
@Controller('api/threads/:threadId/members/:userId')
@ForUsers()
@ApiTags('Members')
export class MembersController {
  constructor(
    private readonly threads: ThreadsService,
    private readonly views: ThreadViews,
  ) {}

  @Put()
  @Describe({
    does: 'Shares a thread; for its owner.',
    answers: { 200: { says: 'The thread as it is now.', json: THREAD_VIEW } },
    refuses: ['invalid_payload', 'forbidden'],
  })
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
  @Describe({
    does: 'Takes a thread back from a member; for its owner.',
    details: 'The member receives nothing of it with the `seq` of the `thread_updated` that tells it, or a later one.',
    answers: { 200: { says: 'The thread as it is now.', json: THREAD_VIEW } },
    refuses: ['invalid_payload', 'forbidden'],
  })
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
