import { eventLogContract } from './event-log.contract.js';
import { nodeLeasesContract } from './node-leases.contract.js';
import { notificationStoreContract } from './notification-store.contract.js';
import { oversightContract } from './oversight.contract.js';
import { runStoreContract } from './run-store.contract.js';
import { storageContract } from './storage.contract.js';
import type { StorageHarness } from './storage-harness.js';
import { threadDeletionContract } from './thread-deletion.contract.js';
import { threadStoreContract } from './thread-store.contract.js';

export type { StorageHarness } from './storage-harness.js';

/** For an engine that several nodes may share. */
export function sharedStorageContracts(name: string, harness: StorageHarness): void {
  storageContracts(name, harness);
  nodeLeasesContract(name, harness);
}

/** Registers the suites of all storage ports with jest, to be called in a test file of the engine. */
export function storageContracts(name: string, harness: StorageHarness): void {
  storageContract(name, harness);
  eventLogContract(name, harness);
  threadStoreContract(name, harness);
  threadDeletionContract(name, harness);
  runStoreContract(name, harness);
  notificationStoreContract(name, harness);
  oversightContract(name, harness);
}
