import { z } from 'zod';

import { ERRORS, type ErrorCode } from './catalogue.js';

export const ERROR_CODE = z
  .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
  .meta({ id: 'ErrorCode', description: 'What clients go by; the other texts are for people.' });

/** What every form of an error says beside its texts. */
export const ERROR_TRAITS = {
  code: ERROR_CODE,
  retryable: z.boolean().describe('The same request may succeed later.'),
  details: z.record(z.string(), z.unknown()).optional().describe('Where there is more to say.'),
};

export type ErrorDetails = Readonly<NonNullable<z.infer<typeof ERROR_TRAITS.details>>>;

/** An error as users see it, in an answer or an `exception` event. */
export const WIRE_ERROR = z
  .object({ ...ERROR_TRAITS, message: z.string() })
  .readonly()
  .meta({ id: 'Error' });

export type WireError = z.infer<typeof WIRE_ERROR>;
