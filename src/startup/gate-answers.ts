import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { ThreadcastError } from '../errors/index.js';
import { PROBLEM_CONTENT_TYPE, problemDocument, retryAfterSeconds } from './problem-document.js';
import { SECURITY_HEADER_LINES } from './security-headers.js';

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

/** Answers in HTTP's own words, where there is no response object, and closes the socket. */
export function answerSocket(socket: Duplex, error: ThreadcastError, status = error.entry.status): void {
  const retryAfter = retryAfterSeconds(error);
  const text = JSON.stringify(problemDocument(error, status));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${PROBLEM_CONTENT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    'Cache-Control: no-store',
    ...SECURITY_HEADER_LINES,
    'Connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

/** Answers what could not be read as HTTP, by the code that Node gives to the failure. */
export function answerUnreadable(socket: Duplex, code: string | undefined): void {
  const { status, error } = UNREADABLE[code ?? ''] ?? { status: 400, error: unreadable('The request is not HTTP.') };
  answerSocket(socket, error, status);
}

const unreadable = (message: string): ThreadcastError => new ThreadcastError('invalid_payload', { message });
const tooLarge = (message: string): ThreadcastError => new ThreadcastError('message_too_large', { message });

const UNREADABLE: Readonly<Record<string, { readonly status: number; readonly error: ThreadcastError }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, error: tooLarge('The headers are larger than is accepted.') },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, error: tooLarge('A chunk of the body has too much around it.') },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, error: unreadable('The request did not come in time.') },
};
