const MAX_ASIDE = 200;

/** How each event of a thread looks in a terminal. `told`: runs whose text has been shown as it came. */
export function show({ type, runId, agent, data }, { screen, userId, told }) {
  switch (type) {
    case 'message_created':
      return screen.note(`${data.userId === userId ? 'you' : data.userId}: ${data.content}`);
    case 'agent_thinking':
      return screen.aside(`  … ${data.text}`);
    case 'agent_delta':
      told.add(runId);
      return screen.text(data.text);
    case 'tool_executing':
      return screen.aside(`  → ${data.tool}(${short(data.args)})`);
    case 'tool_completed':
      return screen.aside(
        `  ← ${data.tool}: ${data.error === undefined ? short(data.result) : `failed: ${short(data.error)}`}`,
      );
    case 'progress_update':
      return screen.aside(`  … ${data.message}${data.percent === undefined ? '' : ` (${data.percent} %)`}`);
    case 'input_requested':
      return screen.note(`? ${data.prompt ?? `${agent} asks for input`}`);
    case 'input_received':
      return screen.aside(`  (answered: ${short(data.value)})`);
    case 'agent_completed':
      if (!told.delete(runId)) screen.text(data.content);
      return screen.endLine();
    case 'agent_error':
      if (told.delete(runId)) screen.endLine();
      return screen.note(`! ${data.message} (${data.code})`);
    case 'agent_cancelled':
      if (told.delete(runId)) screen.endLine();
      return screen.note(`(cancelled: ${data.reason})`);
    case 'custom':
      return screen.aside(`  ${data.name}: ${short(data.value)}`);
    case 'thread_updated':
      return screen.aside(`  (the thread was changed: ${short(data)})`);
    default:
      return undefined;
  }
}

function short(value) {
  const text = JSON.stringify(value) ?? '';
  return text.length > MAX_ASIDE ? `${text.slice(0, MAX_ASIDE)}…` : text;
}
