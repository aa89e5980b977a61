import type { Request } from 'express';

/** Method and pattern of the route that took the request; never its path, which has ids in it and is the client's. */
export function routeOf(req: Request): string {
  const route = req.route as { readonly path?: unknown } | undefined;
  return typeof route?.path === 'string' ? `${req.method} ${route.path}` : 'none';
}
