const TRACE = /^(?:\s+at\s\S|Traceback \(most recent call last\):)/m;
const OF_TRACE = /^(?:\s|Traceback \(most recent call last\):)/;

/** An error's words for users: where a stack trace stands in them, of JavaScript or of Python, it is left out. */
export function withoutStack(text: string): string {
  if (!TRACE.test(text)) return text;
  const said = text.split(/\r?\n/).filter((line) => line !== '' && !OF_TRACE.test(line));
  return said.length === 0 ? 'The agent failed.' : said.join('\n');
}
