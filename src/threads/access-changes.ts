/**
 * Whether this event takes a thread away from a user who is not its owner. Access changes are positions in the log: who
 * was judged at an earlier one stops there, however late it is read.
 */
export function takesAccessFrom(
  { type, data }: { readonly type: string; readonly data: string },
  userId: string,
): boolean {
  if (type !== 'thread_updated') return false;
  const { members } = JSON.parse(data) as { members?: readonly string[] };
  return members !== undefined && !members.includes(userId);
}
