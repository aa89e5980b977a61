import { applyDecorators, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';

import { BearerGuard } from './bearer.guard.js';

/** Routes that nobody gets to without a valid token, and that are described so. */
export function ForUsers(): ClassDecorator & MethodDecorator {
  return applyDecorators(UseGuards(BearerGuard), ApiBearerAuth());
}
