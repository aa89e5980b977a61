import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a page may connect: one of the origins that are let in, or one that was served from here, by whatever
 * protocol a proxy may have had for it. What sends no origin is no page.
 */
export function isOriginLetIn({ origin, host }: IncomingHttpHeaders, letIn: readonly string[]): boolean {
  if (origin === undefined) return true;
  if (letIn.includes('*') || letIn.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
