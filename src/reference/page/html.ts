/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = Html | string | number | readonly Html[];

/** A template of HTML: whatever is put into it is escaped, unless it is HTML. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const texts = parts.map(textOf);
  return new Html(strings.map((text, index) => `${text}${texts[index] ?? ''}`).join(''));
}

/** A sentence in which code stands between backticks. */
export function prose(text: string): Html {
  const parts = text.split('`');
  return new Html(
    parts.map((part, index) => (index % 2 === 1 ? `<code>${escaped(part)}</code>` : escaped(part))).join(''),
  );
}

export const NOTHING = new Html('');

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  return typeof part === 'object' ? part.map(({ text }) => text).join('') : escaped(String(part));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
