const WORD_BYTES = 4;

/** The memory that a text is in, as words. It is made once: texts come from one memory again and again. */
export class MemoryWords {
  #memory: ArrayBufferLike = new ArrayBuffer(0);
  #words = new Int32Array(this.#memory);

  of(memory: ArrayBufferLike): Int32Array {
    if (memory !== this.#memory) {
      this.#memory = memory;
      this.#words = new Int32Array(memory, 0, Math.floor(memory.byteLength / WORD_BYTES));
    }
    return this.#words;
  }
}
