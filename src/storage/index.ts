export * from './event-log.js';
export * from './node-leases.js';
export * from './notification-store.js';
export * from './records.js';
export * from './run-store.js';
export * from './storage.js';
export * from './storage.module.js';
export * from './thread-store.js';
