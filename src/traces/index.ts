export * from './tracing.js';
export * from './traces.module.js';
