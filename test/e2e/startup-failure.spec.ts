import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';

import { ClockModule } from '../../src/clock/index.js';
import { MetricsModule } from '../../src/metrics/index.js';
import { StartupError, StartupModule, StartupTask, startServer } from '../../src/startup/index.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { HeldTask, LogLines, beginServer } from './startup-app.js';
import { ask } from './startup-wire.js';

@Injectable()
class FailingTask extends StartupTask implements OnModuleDestroy {
  readonly name = 'storage';
  destroyed = false;

  override run(): Promise<void> {
    return Promise.reject(new Error('the file is locked by another process'));
  }

  onModuleDestroy(): void {
    this.destroyed = true;
  }
}

class DependentTask extends StartupTask {
  readonly name = 'recovery';
  override readonly after = ['storage'];
  begun = false;

  override run(): Promise<void> {
    this.begun = true;
    return Promise.resolve();
  }
}

@Module({
  imports: [ClockModule, MetricsModule, StartupModule.forRoot({})],
  providers: [
    {
      provide: 'broken',
      useFactory: () => {
        throw new Error('this provider cannot be made');
      },
    },
  ],
})
class BrokenModule {}

@Module({})
class BareModule {}

describe('a start that fails', () => {
  it('names the task and the reason, begins no later task, and leaves nothing open', async () => {
    const failing = new FailingTask();
    const dependent = new DependentTask();
    const { url, started } = beginServer({
      providers: [
        { provide: DependentTask, useValue: dependent },
        { provide: FailingTask, useValue: failing },
      ],
    });
    await expect(started).rejects.toThrow("Startup task 'storage' failed: the file is locked by another process");
    await expect(started).rejects.toBeInstanceOf(StartupError);
    expect(dependent.begun).toBe(false);
    expect(failing.destroyed).toBe(true);
    await expect(ask(await url)).rejects.toThrow('ECONNREFUSED');
  });

  it('gives up a task that hangs when the time for starting is over', async () => {
    const clock = new ManualClock();
    const task = new HeldTask();
    const { url, started } = beginServer({
      clock,
      startup: { startupTimeoutMs: 500 },
      providers: [{ provide: HeldTask, useValue: task }],
    });
    await task.gate.arrival;
    clock.advance(500);
    await expect(started).rejects.toThrow(
      "Startup task 'held' had not finished when the 500 ms for starting were over.",
    );
    await expect(ask(await url)).rejects.toThrow('ECONNREFUSED');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is given up when the process is told to stop', async () => {
    const stop = new AbortController();
    const task = new HeldTask();
    const { started } = beginServer({ signal: stop.signal, providers: [{ provide: HeldTask, useValue: task }] });
    await task.gate.arrival;
    stop.abort(new Error('SIGTERM'));
    await expect(started).rejects.toThrow("Startup task 'held' failed: SIGTERM");
  });

  it('says which task waits for one that does not exist', async () => {
    const { started } = beginServer({ providers: [DependentTask] });
    await expect(started).rejects.toThrow("Startup task 'recovery' comes after 'storage', which does not exist.");
  });

  it('says so when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(beginServer({ port }).started).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is in use by another process.`,
    );
    other.close();
    await once(other, 'close');
  });

  it('says so when the host is not of this machine', async () => {
    const started = startServer({ module: BrokenModule, host: '192.0.2.1', port: 0, logger: new LogLines() });
    await expect(started).rejects.toThrow('192.0.2.1 is not an address of this machine.');
  });

  it.each([
    ['a provider cannot be made', BrokenModule, 'this provider cannot be made'],
    ['the root module lacks the startup module', BareModule, 'Lifecycle'],
  ])('rejects with the reason when %s', async (_, module, reason) => {
    let port = 0;
    const onListening = (address: AddressInfo): void => void (port = address.port);
    const started = startServer({ module, host: '127.0.0.1', port: 0, logger: new LogLines(), onListening });
    await expect(started).rejects.toThrow(reason);
    await expect(ask(`http://127.0.0.1:${port}`)).rejects.toThrow('ECONNREFUSED');
  });
});
