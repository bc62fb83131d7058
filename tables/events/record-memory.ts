/**
 * The memory that records come in. A Buffer over it is made once, not for each text. The kernel writes there
 * again once its room is given back: what is to last longer must be copied.
 */
export class RecordMemory {
  #view: DataView | null = null;
  #bytes: Buffer = Buffer.alloc(0);

  /** All of the view's memory. */
  bytes(view: DataView): Buffer {
    if (view !== this.#view) {
      this.#view = view;
      this.#bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    }
    return this.#bytes;
  }

  /** A part of it, not copied. */
  part(view: DataView, at: number, length: number): Buffer {
    return this.bytes(view).subarray(at, at + length);
  }
}
