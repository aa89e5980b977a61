export * from './authenticator.js';
export * from './dev-token-issuer.js';
export * from './identity.module.js';
export type { IdentityOptions, TokenKeys } from './identity-options.js';
export * from './jwt-authenticator.js';
export * from './principal.js';
