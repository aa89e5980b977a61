import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ThreadcastError } from '../errors/index.js';
import { PROBLEM_CONTENT_TYPE, problemDocument, retryAfterSeconds } from './problem-document.js';

/** Answers a request with a problem document, without reading its body. */
export function answerProblem(res: ServerResponse, error: ThreadcastError): void {
  const retryAfter = retryAfterSeconds(error);
  if (retryAfter !== undefined) res.setHeader('Retry-After', String(retryAfter));
  answerJson(res, error.entry.status, problemDocument(error), PROBLEM_CONTENT_TYPE);
}

export function answerJson(res: ServerResponse, status: number, body: unknown, contentType = 'application/json'): void {
  const text = JSON.stringify(body);
  res.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  res.end(text);
}

/** Answers an upgrade in HTTP's own words, for there is no response object, and closes the socket. */
export function answerUpgrade(socket: Duplex, error: ThreadcastError): void {
  const retryAfter = retryAfterSeconds(error);
  const text = JSON.stringify(problemDocument(error));
  const head = [
    'HTTP/1.1 503 Service Unavailable',
    `Content-Type: ${PROBLEM_CONTENT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    'Connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
