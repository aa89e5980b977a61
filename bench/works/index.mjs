import { bigLogs } from './big-log.mjs';
import { burstEvents, burstWords } from './burst.mjs';
import { catchUpEvents, catchUpWords } from './catch-up.mjs';
import { connecting } from './connect.mjs';
import { pacedWords } from './paced.mjs';
import { stoppedReader } from './stopped-reader.mjs';

export const WORKS = [
  burstWords,
  burstEvents,
  pacedWords,
  connecting,
  stoppedReader,
  catchUpEvents,
  catchUpWords,
  bigLogs,
];
