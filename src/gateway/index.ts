export * from './connection-registry.js';
export * from './gateway.module.js';
export { GatewayOptions } from './gateway-options.js';
export * from './socket.adapter.js';
