/**
 * Copies out of the memory that records come in. The kernel writes there again after the call, so what is to
 * last must be copied; a Buffer over the memory is made once, not for each copy.
 */
export class RecordMemory {
  #view: DataView | null = null;
  #bytes: Buffer = Buffer.alloc(0);

  copy(view: DataView, at: number, length: number): Buffer {
    const copied = Buffer.allocUnsafe(length);
    this.bytes(view).copy(copied, 0, at, at + length);
    return copied;
  }

  /** All of the view's memory. */
  bytes(view: DataView): Buffer {
    if (view !== this.#view) {
      this.#view = view;
      this.#bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    }
    return this.#bytes;
  }
}
