/**
 * Close to what the machine can do: raw WebSockets and one frame per event, encoded once for everybody. With `--gather`
 * the frames of 10 ms leave as one. It speaks just enough of Socket.IO's framing for the same clients to read it.
 */
import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

import { answerCalls } from '../support/child.mjs';
import { eventOf, itemsOf, produce } from '../support/work.mjs';

const GATHER_MS = 10;
const gathers = process.argv.includes('--gather');
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
const rooms = new Map();
const seqs = new Map();
const gathered = new Map();

server.on('connection', (socket) => {
  socket.send('0{"sid":"raw","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}');
  socket.on('message', (raw) => {
    const text = String(raw);
    if (text.startsWith('40')) {
      socket.send('40{"sid":"raw"}');
      socket.send('42["connection_ready",{}]');
      return;
    }
    const switched = /^42(\d+)\["switch_thread",(.*)\]$/.exec(text);
    if (switched === null) return;
    const { threadId } = JSON.parse(switched[2]);
    const room = rooms.get(threadId) ?? new Set();
    rooms.set(threadId, room.add(socket));
    socket.send(`43${switched[1]}[${JSON.stringify({ ok: true, threadId, head: seqs.get(threadId) ?? 0 })}]`);
  });
});

function send(threadId, frame) {
  const data = Buffer.from(frame);
  for (const socket of rooms.get(threadId) ?? []) socket.send(data, { binary: false });
}

function emit(threadId, envelope) {
  const json = JSON.stringify(envelope);
  if (!gathers) {
    send(threadId, `42["${envelope.type}",${json}]`);
    return;
  }
  const waiting = gathered.get(threadId);
  if (waiting !== undefined) {
    waiting.push(json);
    return;
  }
  gathered.set(threadId, [json]);
  setTimeout(() => {
    send(threadId, `42["events",[${gathered.get(threadId).join(',')}]]`);
    gathered.delete(threadId);
  }, GATHER_MS);
}

answerCalls({
  listen: () =>
    new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve({ port: http.address().port, token: null }))),
  makeThreads: (count) => Array.from({ length: count }, (_, index) => `thread_bench${index}`),
  async run(threadId, work) {
    const runId = `${threadId}_run_1756919162904_9adf1f09`;
    const next = () => {
      const seq = (seqs.get(threadId) ?? 0) + 1;
      seqs.set(threadId, seq);
      return seq;
    };
    await produce({ ...work, make: itemsOf(work) }, (item) => {
      const { type, data } = eventOf(work.kind, item);
      emit(threadId, { threadId, seq: next(), type, runId, agent: 'bench', time: Date.now(), data });
    });
    emit(threadId, { threadId, seq: next(), type: 'agent_completed', runId });
  },
});
