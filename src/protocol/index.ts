export * from './events.js';
export * from './json.js';
export * from './requests.js';
export * from './spelling.js';
