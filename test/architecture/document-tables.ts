/** Rows of a document's tables, by the name in the first cell. */
export type Rows = ReadonlyMap<string, readonly string[]>;

/** The tables of the section under this heading, as one; only rows that begin with a name as code. */
export function rowsOf(document: string, heading: string): Rows {
  const section = document.split(/^#{2,3} /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return rowsIn(section);
}

/** All tables of a document, as one. */
export function rowsIn(document: string): Rows {
  const rows = document.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const name = /^`(\w+)`$/.exec(cells[1] ?? '')?.[1];
    return name === undefined ? [] : [[name, cells.slice(2, -1)] as const];
  });
  return new Map(rows);
}
