import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import helmet from 'helmet';

/** Half a year. */
const HSTS_SECONDS = 15_552_000;

/**
 * What our own pages may do: load what is served here, and connect to here, WebSockets included. Inline styles are let
 * through, scripts are not. Nobody may put a page of ours into theirs.
 */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    baseUri: ["'none'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    imgSrc: ["'self'", 'data:'],
    objectSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
  },
};

const common = { contentSecurityPolicy: CONTENT_SECURITY_POLICY, frameguard: { action: 'deny' } } as const;
const plain = helmet({ ...common, strictTransportSecurity: false });
const overTls = helmet({
  ...common,
  strictTransportSecurity: { maxAge: HSTS_SECONDS, includeSubDomains: false },
});

/** Says to browsers how careful to be with an answer, whichever it will be. */
export function setSecurityHeaders(req: IncomingMessage, res: ServerResponse): void {
  // What a proxy says of its own side. Whoever lies here lies to themselves: browsers heed it over TLS alone.
  const secure = req.headers['x-forwarded-proto'] === 'https';
  (secure ? overTls : plain)(req, res, (error) => {
    if (error !== undefined) throw new Error('The security headers cannot be set.', { cause: error });
  });
}

/** The same for an answer that is written without a response object. */
export const SECURITY_HEADER_LINES: readonly string[] = lines();

function lines(): string[] {
  const res = new ServerResponse(new IncomingMessage(new Socket()));
  setSecurityHeaders(res.req, res);
  return Object.entries(res.getHeaders()).map(([name, value]) => `${name}: ${String(value)}`);
}
