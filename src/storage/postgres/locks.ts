import type { ThreadId } from '../../ids/index.js';
import type { HeldElsewhere } from '../storage.js';
import type { Queries } from './connection.js';
import { toText } from './text.js';

const THREADS = 'select 1 from threads where thread_id = any($1) order by thread_id for update';

/** After the threads and in an order of their own, so that no two transactions wait for each other. */
const USERS = `select pg_advisory_xact_lock(hashtext('threadcast users ' || current_schema()), name) from (
    select distinct hashtext(user_id) as name from unnest($1::text[]) as user_id order by name offset 0
  ) as names`;

/** Takes those that are free, and gives the others. */
const THREADS_HELD = `with free as materialized (
    select thread_id from threads where thread_id = any($1) order by thread_id for update skip locked
  ) select thread_id from threads where thread_id = any($1) and thread_id not in (select thread_id from free)`;
const USERS_HELD = `select user_id from unnest($1::text[]) as user_id
  where not pg_try_advisory_xact_lock(hashtext('threadcast users ' || current_schema()), hashtext(user_id))`;

const NOTHING: HeldElsewhere = { threadIds: new Set(), userIds: new Set() };

/** Waits for all of them, each as long as the session's `lock_timeout` says. */
export async function lockAll(
  queries: Queries,
  threadIds: readonly ThreadId[],
  userIds: readonly string[],
): Promise<HeldElsewhere> {
  await queries.rows(THREADS, [threadIds]);
  if (userIds.length > 0) await queries.rows(USERS, [userIds.map(toText)]);
  return NOTHING;
}

/** Takes what is free, and waits for nobody. */
export async function lockFree(
  queries: Queries,
  threadIds: readonly ThreadId[],
  userIds: readonly string[],
): Promise<HeldElsewhere> {
  const threads = await queries.rows<{ thread_id: ThreadId }>(THREADS_HELD, [threadIds]);
  const users = userIds.length === 0 ? [] : await queries.rows<{ user_id: string }>(USERS_HELD, [userIds.map(toText)]);
  const names = new Set(users.map((row) => row.user_id));
  return {
    threadIds: new Set(threads.map((row) => row.thread_id)),
    userIds: new Set(userIds.filter((userId) => names.has(toText(userId)))),
  };
}
