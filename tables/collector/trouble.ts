/** A trouble that lasts is told once, and once more when it is over. */
export class Trouble {
  readonly #log: (line: string) => void;
  #times = 0;
  #before = 0;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  tell(line: string): void {
    if (this.#times === 0) this.#log(line);
    this.#times++;
  }

  over(): void {
    this.#times = 0;
    this.#before = 0;
  }

  /**
   * It is over when nothing was told since the last call: for a trouble that comes and goes.
   * @param line what to say then, given how often it was told
   */
  overIfQuiet(line: (times: number) => string): void {
    const times = this.#times;
    if (times > 0 && times === this.#before) {
      this.#log(line(times));
      this.over();
    } else this.#before = times;
  }
}
