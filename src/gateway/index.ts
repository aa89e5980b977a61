export * from './connection-registry.js';
export * from './connections.js';
export * from './gateway.module.js';
export { GatewayOptions } from './gateway-options.js';
export { HANDSHAKE_AUTH } from './handshake.js';
export * from './request-catalogue.js';
export type { HandledRequest } from './request-metadata.js';
export * from './socket.adapter.js';
