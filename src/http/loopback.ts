import type { IncomingHttpHeaders } from 'node:http';

/** Why a request is not from this machine's own user, to follow a colon; null: nothing speaks against it. */
export function foreignOriginFault(remoteAddress: string | undefined, headers: IncomingHttpHeaders): string | null {
  if (remoteAddress === undefined || !isLoopbackAddress(remoteAddress)) return 'the request comes from elsewhere';
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined)
    return 'the request comes by a proxy';
  const host = headers.host?.toLowerCase();
  if (host === undefined || !isLoopbackHost(host)) return 'the Host header does not name loopback';
  if (headers.origin !== undefined && originHost(headers.origin) !== host) return 'the Origin header is another one';
  return null;
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

function originHost(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
