/**
 * What most people write: Socket.IO, a room per thread, one emit per event, no log. With `--recovery` its connection state
 * recovery is on, which keeps the last packets in memory.
 */
import { createServer } from 'node:http';

import { Server } from 'socket.io';

import { answerCalls } from '../support/child.mjs';
import { eventOf, itemsOf, produce } from '../support/work.mjs';

const http = createServer();
const recovery = process.argv.includes('--recovery') ? { connectionStateRecovery: {} } : {};
const io = new Server(http, { serveClient: false, ...recovery });
const seqs = new Map();
/** The items of the next run, where making them is not to be counted. */
let prepared = null;

io.on('connection', (socket) => {
  socket.emit('connection_ready', { connectionId: socket.id });
  socket.on('switch_thread', ({ threadId }, answer) => {
    void socket.join(threadId);
    answer({ ok: true, threadId, head: seqs.get(threadId) ?? 0 });
  });
});

answerCalls({
  listen: () =>
    new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve({ port: http.address().port, token: null }))),
  makeThreads: (count) => Array.from({ length: count }, (_, index) => `thread_bench${index}`),
  prepare(work) {
    const make = itemsOf(work);
    prepared = Array.from({ length: work.count }, (_, index) => make(index));
  },
  async run(threadId, work) {
    const runId = `${threadId}_run_1756919162904_9adf1f09`;
    const emit = (type, data) => {
      const seq = (seqs.get(threadId) ?? 0) + 1;
      seqs.set(threadId, seq);
      io.to(threadId).emit(type, { threadId, seq, type, runId, agent: 'bench', time: Date.now(), data });
    };
    const items = prepared;
    prepared = null;
    await produce({ ...work, make: items === null ? itemsOf(work) : (index) => items[index] }, (item) => {
      const { type, data } = eventOf(work.kind, item);
      emit(type, data);
    });
    emit('agent_completed', { content: '', durationMs: 0 });
  },
});
