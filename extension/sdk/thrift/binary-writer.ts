/**
 * TBinaryProtocol, the writing half, into memory: for control messages, which are small.
 * Rows go through row-encoder.ts.
 */
import { MESSAGE_TYPE_MASK, Type, VERSION_1 } from './wire.ts';

const FIRST_CAPACITY = 512;

export class BinaryWriter {
  #bytes = Buffer.allocUnsafe(FIRST_CAPACITY);
  #at = 0;

  /** The bytes so far, without a copy: valid until the next write. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  writeMessageBegin(name: string, type: number, seqid: number): void {
    this.writeI32((VERSION_1 | (type & MESSAGE_TYPE_MASK)) >> 0);
    this.writeString(name);
    this.writeI32(seqid);
  }

  writeMessageEnd(): void {}
  writeStructBegin(): void {}
  writeStructEnd(): void {}
  writeFieldEnd(): void {}
  writeMapEnd(): void {}
  writeListEnd(): void {}
  writeSetEnd(): void {}
  flush(): void {}

  writeFieldBegin(_name: string, type: number, id: number): void {
    this.writeByte(type);
    this.writeI16(id);
  }

  writeFieldStop(): void {
    this.writeByte(Type.STOP);
  }

  writeMapBegin(keyType: number, valueType: number, size: number): void {
    this.writeByte(keyType);
    this.writeByte(valueType);
    this.writeI32(size);
  }

  writeListBegin(elementType: number, size: number): void {
    this.writeByte(elementType);
    this.writeI32(size);
  }

  writeSetBegin(elementType: number, size: number): void {
    this.writeListBegin(elementType, size);
  }

  writeBool(value: boolean): void {
    this.writeByte(value ? 1 : 0);
  }

  writeByte(value: number): void {
    const at = this.#take(1);
    this.#bytes.writeInt8(value, at);
  }

  writeI16(value: number): void {
    const at = this.#take(2);
    this.#bytes.writeInt16BE(value, at);
  }

  writeI32(value: number): void {
    const at = this.#take(4);
    this.#bytes.writeInt32BE(value, at);
  }

  writeI64(value: bigint | number): void {
    const at = this.#take(8);
    this.#bytes.writeBigInt64BE(BigInt(value), at);
  }

  writeDouble(value: number): void {
    const at = this.#take(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  writeString(value: string): void {
    const length = Buffer.byteLength(value);
    this.writeI32(length);
    const start = this.#take(length);
    this.#bytes.write(value, start, length);
  }

  /** Before `#bytes` is looked at: it may be another after it. */
  #take(size: number): number {
    const start = this.#at;
    const end = start + size;
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, start);
      this.#bytes = grown;
    }
    this.#at = end;
    return start;
  }
}
