export * from './config.js';
export * from './config.module.js';
export * from './config-error.js';
export * from './environment.js';
export * from './load-config.js';
export * from './read-environment.js';
export { hasModel } from './rules.js';
