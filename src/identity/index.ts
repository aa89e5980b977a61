export * from './authenticator.js';
export * from './dev-token-issuer.js';
export * from './full-bucket.js';
export * from './identity.module.js';
export type { IdentityOptions, TokenKeys } from './identity-options.js';
export * from './jwt-authenticator.js';
export * from './key-set.js';
export * from './principal.js';
export * from './user-rates.js';
