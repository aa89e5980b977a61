export * from './attachment.js';
export * from './channels.js';
export * from './delivery.module.js';
export * from './event-frame.js';
export * from './follower.js';
export * from './followers.js';
export * from './prepared-following.js';
export * from './sink.js';
