import { request, type IncomingHttpHeaders } from 'node:http';

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** One request on a connection of its own. */
export function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers, agent: false }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => (text += chunk));
      res.on('error', reject);
      res.on('end', () => {
        const json = res.headers['content-type']?.includes('json') === true;
        const body = (json ? JSON.parse(text) : { text }) as Record<string, unknown>;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body });
      });
    });
    req.on('error', reject);
    req.on('upgrade', (_res, socket) => {
      socket.destroy();
      reject(new Error('The server upgraded the connection.'));
    });
    req.end();
  });
}

/** The first request of a WebSocket client. */
export function askForUpgrade(url: string, query = ''): Promise<WireAnswer> {
  return ask(`${url}/socket.io/?EIO=4&transport=websocket${query}`, {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  });
}

export function askForPolling(url: string): Promise<WireAnswer> {
  return ask(`${url}/socket.io/?EIO=4&transport=polling`);
}
