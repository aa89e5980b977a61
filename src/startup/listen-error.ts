import { StartupError } from './startup-error.js';

/** Why an address cannot be listened on, in words that say what to change. */
export function listenError(error: NodeJS.ErrnoException, port: number, host: string): StartupError {
  return new StartupError(wordsFor(error, port, host), error);
}

function wordsFor(error: NodeJS.ErrnoException, port: number, host: string): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use by another process. Stop that one, or choose another PORT.`;
    case 'EACCES':
      return `This user may not listen on port ${port}. Choose a PORT of 1024 or above.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine. Check HOST.`;
    default:
      return `Cannot listen on port ${port} of ${host}: ${error.message}`;
  }
}
