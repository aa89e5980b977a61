export { configureHttp } from './configure-http.js';
export { HttpModule } from './http.module.js';
export { HttpOptions } from './http-options.js';
