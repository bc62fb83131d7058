/**
 * TBinaryProtocol, the reading half, over one whole message (from MessageFramer, so lengths and
 * nesting are already checked; they are checked again where it costs nothing).
 * The generated classes call these methods. Ours rather than npm thrift's, which cannot be loaded
 * without its HTTP and WebSocket stack, uses `new Buffer` and rounds an i64 to a double.
 */
import { LiveAuditError } from '../../../native/errors.ts';
import { MESSAGE_TYPE_MASK, Type, VERSION_1, VERSION_MASK } from './wire.ts';

const MAX_DEPTH = 32;

export interface MessageBegin {
  readonly fname: string;
  readonly mtype: number;
  readonly rseqid: number;
}

export class BinaryReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(message: Buffer) {
    this.#bytes = message;
  }

  readMessageBegin(): MessageBegin {
    const version = this.readI32() >>> 0;
    if ((version & VERSION_MASK) >>> 0 !== VERSION_1) {
      throw new LiveAuditError('PROTOCOL', `a message that begins with 0x${version.toString(16)}`);
    }
    return {
      mtype: version & MESSAGE_TYPE_MASK,
      fname: this.readString(),
      rseqid: this.readI32(),
    };
  }

  readMessageEnd(): void {}
  readStructBegin(): void {}
  readStructEnd(): void {}
  readFieldEnd(): void {}
  readMapEnd(): void {}
  readListEnd(): void {}
  readSetEnd(): void {}

  readFieldBegin(): { ftype: number; fid: number } {
    const ftype = this.readUInt8();
    return { ftype, fid: ftype === Type.STOP ? 0 : this.readI16() };
  }

  readMapBegin(): { ktype: number; vtype: number; size: number } {
    return { ktype: this.readUInt8(), vtype: this.readUInt8(), size: this.#length() };
  }

  readListBegin(): { etype: number; size: number } {
    return { etype: this.readUInt8(), size: this.#length() };
  }

  readSetBegin(): { etype: number; size: number } {
    return this.readListBegin();
  }

  readBool(): boolean {
    return this.readUInt8() !== 0;
  }

  readUInt8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  readByte(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  readI16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  readI32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  readI64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  readDouble(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  readString(): string {
    const length = this.#length();
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  readBinary(): Buffer {
    const length = this.#length();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Over a field that the reader does not know. */
  skip(type: number, depth = 0): void {
    if (depth > MAX_DEPTH) throw new LiveAuditError('PROTOCOL', `a nesting over ${MAX_DEPTH}`);
    switch (type) {
      case Type.BOOL:
      case Type.BYTE:
        this.#take(1);
        return;
      case Type.I16:
        this.#take(2);
        return;
      case Type.I32:
        this.#take(4);
        return;
      case Type.I64:
      case Type.DOUBLE:
        this.#take(8);
        return;
      case Type.UUID:
        this.#take(16);
        return;
      case Type.STRING:
        this.readBinary();
        return;
      case Type.STRUCT:
        for (let f = this.readFieldBegin(); f.ftype !== Type.STOP; f = this.readFieldBegin()) {
          this.skip(f.ftype, depth + 1);
        }
        return;
      case Type.MAP: {
        const { ktype, vtype, size } = this.readMapBegin();
        for (let i = 0; i < size; i++) {
          this.skip(ktype, depth + 1);
          this.skip(vtype, depth + 1);
        }
        return;
      }
      case Type.LIST:
      case Type.SET: {
        const { etype, size } = this.readListBegin();
        for (let i = 0; i < size; i++) this.skip(etype, depth + 1);
        return;
      }
      default:
        throw new LiveAuditError('PROTOCOL', `a value of type ${type}`);
    }
  }

  /** A declared length or size: what is declared takes a byte each at least. */
  #length(): number {
    const length = this.readI32();
    if (length < 0 || length > this.#bytes.length - this.#at) {
      throw new LiveAuditError('PROTOCOL', `a declared length of ${length}`);
    }
    return length;
  }

  #take(size: number): number {
    const start = this.#at;
    if (start + size > this.#bytes.length) {
      throw new LiveAuditError('PROTOCOL', `a message cut at ${this.#bytes.length} bytes`);
    }
    this.#at = start + size;
    return start;
  }
}
