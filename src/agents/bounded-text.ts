/** A character of JSON text has at most this many bytes: an escaped control character. */
const MAX_JSON_BYTES_PER_CHAR = 6;

/** Whether the text, as JSON, has at most this many bytes. */
function fits(text: string, maxBytes: number): boolean {
  if (text.length * MAX_JSON_BYTES_PER_CHAR + 2 <= maxBytes) return true;
  return text.length <= maxBytes && Buffer.byteLength(JSON.stringify(text)) <= maxBytes;
}

/** The text in parts of at most `maxBytes` of JSON each; together they are the text, and no surrogate pair is cut. */
export function splitText(text: string, maxBytes: number): string[] {
  if (text.length < 2 || fits(text, maxBytes)) return [text];
  const middle = boundary(text, Math.ceil(text.length / 2));
  return [...splitText(text.slice(0, middle), maxBytes), ...splitText(text.slice(middle), maxBytes)];
}

/** The text, or as much of its beginning as has, with a mark that says what is missing, at most `maxBytes` of JSON. */
export function cutText(text: string, maxBytes: number): string {
  if (fits(text, maxBytes)) return text;
  let kept = 0;
  let tooMany = Math.min(text.length, maxBytes) + 1;
  while (tooMany - kept > 1) {
    const tried = Math.floor((kept + tooMany) / 2);
    if (fits(marked(text, tried), maxBytes)) kept = tried;
    else tooMany = tried;
  }
  return marked(text, kept);
}

function marked(text: string, kept: number): string {
  const end = boundary(text, kept);
  return `${text.slice(0, end)}… [cut: ${text.length - end} characters]`;
}

/** The index, or the one before where a surrogate pair would be cut. */
function boundary(text: string, index: number): number {
  const code = index > 1 ? text.codePointAt(index - 1) : undefined;
  return code !== undefined && code > 0xffff ? index - 1 : index;
}
