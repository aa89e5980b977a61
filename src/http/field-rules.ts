import { ValidateBy } from 'class-validator';

import { userIdFault } from '../identity/index.js';

/** What can be a user: as in a token's `sub`. */
export function IsUserId(): PropertyDecorator {
  return ValidateBy({
    name: 'isUserId',
    validator: {
      validate: (value: unknown) => userIdFault(value) === null,
      defaultMessage: (args) => `${args?.property ?? 'it'} ${userIdFault(args?.value) ?? ''}`,
    },
  });
}

/** A field that another way of starting runs has and that cannot be served yet: told, never ignored. */
export function IsNotSupportedYet(): PropertyDecorator {
  return ValidateBy({
    name: 'isNotSupportedYet',
    validator: {
      validate: (value: unknown) => value === undefined || value === null || value === false,
      defaultMessage: (args) => `${args?.property ?? 'it'} is not supported yet`,
    },
  });
}
