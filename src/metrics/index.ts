export * from './catalogue.js';
export * from './metrics.js';
export * from './metrics.module.js';
