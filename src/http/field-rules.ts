import { ValidateBy } from 'class-validator';

import { MAX_USER_ID_CHARACTERS, userIdFault } from '../identity/index.js';
import type { RuleContext } from '../schema/index.js';

/** What can be a user: as in a token's `sub`. */
export function IsUserId(): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isUserId',
      validator: {
        validate: (value: unknown) => userIdFault(value) === null,
        defaultMessage: (args) => `${args?.property ?? 'it'} ${userIdFault(args?.value) ?? ''}`,
      },
    },
    { context: { schema: { type: 'string', minLength: 1, maxLength: MAX_USER_ID_CHARACTERS } } satisfies RuleContext },
  );
}
