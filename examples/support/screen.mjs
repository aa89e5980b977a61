/**
 * Answers go to stdout, everything said about them to stderr: in a terminal they stand side by side, in a pipe the
 * answers come alone.
 */
export class Screen {
  #midLine = false;
  #dim = process.stderr.isTTY && process.env.NO_COLOR === undefined;

  /** A piece of an answer, as it comes. */
  text(piece) {
    if (piece === '') return;
    process.stdout.write(piece);
    this.#midLine = !piece.endsWith('\n');
  }

  /** Ends the line of an answer, if one is open. */
  endLine() {
    if (this.#midLine) process.stdout.write('\n');
    this.#midLine = false;
  }

  /** A line about what goes on. */
  note(line) {
    if (process.stdout.isTTY) this.endLine();
    process.stderr.write(`${line}\n`);
  }

  /** A line that may be overlooked. */
  aside(line) {
    this.note(this.#dim ? `\u001b[2m${line}\u001b[22m` : line);
  }
}
