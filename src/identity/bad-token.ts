import { errors } from 'jose';

import { ThreadcastError } from '../errors/index.js';

/** The refusal of a token. `what` continues "The token is refused: ". */
export function badToken(what: string): ThreadcastError {
  return new ThreadcastError('unauthenticated', { message: `The token is refused: ${what}.` });
}

/** What the caller is told of a failed verification; jose's own words stay inside. */
export function verificationFailure(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return badToken('it has expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return badToken(CLAIM_FAULTS[error.claim] ?? 'a claim does not fit');
  const fault = error instanceof errors.JOSEError ? TOKEN_FAULTS[error.code] : undefined;
  return fault === undefined
    ? new Error('Tokens cannot be checked at present: their keys cannot be had.', { cause: error })
    : badToken(fault);
}

const CLAIM_FAULTS: Readonly<Record<string, string>> = {
  iss: 'its issuer (iss) is not the expected one',
  aud: 'its audience (aud) is not the expected one',
  nbf: 'it is not valid yet (nbf)',
};

/** Faults of the token itself, by jose's code. Every other code is a fault of the keys. */
const TOKEN_FAULTS: Readonly<Record<string, string>> = {
  [errors.JWSInvalid.code]: 'it is not a signed JWT',
  [errors.JWTInvalid.code]: 'it is not a signed JWT',
  [errors.JOSENotSupported.code]: 'it asks for something that is not supported here',
  [errors.JOSEAlgNotAllowed.code]: 'it is signed with an algorithm that is not accepted here',
  [errors.JWSSignatureVerificationFailed.code]: 'its signature does not fit',
  [errors.JWKSNoMatchingKey.code]: 'it is signed with an unknown key',
  [errors.JWKSMultipleMatchingKeys.code]: 'it does not say which key it is signed with (kid)',
};
