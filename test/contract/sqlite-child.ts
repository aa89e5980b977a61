import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';
import type { Storage } from '../../src/storage/index.js';
import { append, makeThread, newEvent, newEvents } from '../../src/testing/contract/storage-harness.js';

const [task, dataDir = ''] = process.argv.slice(2);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** Seven events a batch, for ever; says each head that is durable. */
async function write(storage: Storage): Promise<void> {
  const id = await makeThread(storage, 'killed');
  for (;;) {
    const [appended] = await append(storage, id, newEvents(7));
    say(String(appended?.head));
  }
}

/** Large events until the disk refuses one; says the last durable head, and with which codes it went on from there. */
async function fill(storage: Storage): Promise<void> {
  const id = await makeThread(storage, 'full');
  const event = newEvent('x'.repeat(50_000));
  const code = (error: unknown): string => String((error as { code?: unknown }).code);
  let head = 0;
  for (let failure = ''; failure === '';) {
    const outcome = await append(storage, id, [event]).catch(code);
    if (typeof outcome === 'string') failure = outcome;
    else head = outcome[0]?.head ?? 0;
    if (failure !== '') say(failure);
  }
  say(await append(storage, id, [event]).then(() => 'appended', code));
  say(`${head} ${(await storage.events.head(id))?.head}`);
}

// So short a log is copied all the time, and the kill falls into that.
const checkpoints = task === 'write' ? { copyPages: 20, mostPages: 80 } : {};
const storage = new SqliteStorage({ dataDir, checkpoints });
await storage.open().then(
  () => say('open'),
  (error: unknown) => say(error instanceof Error ? error.message : String(error)),
);
// The timer holds the storage too: one that nobody can reach any more is collected, and its lock with it.
if (task === 'hold') setInterval(() => storage.describe(), 60_000);
if (task === 'write') await write(storage);
if (task === 'fill') await fill(storage);
await (task === 'hold' ? undefined : storage.close());
