export * from './log.js';
export * from './pino-logger.js';
