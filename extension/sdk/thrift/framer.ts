/**
 * Cuts a byte stream into whole Thrift messages. TBinaryProtocol over TBufferedTransport has no frame
 * length, so the end of a message is found by walking its structure. The walk goes on where it
 * stopped (each byte is looked at once, however it was cut into packets) and nothing is allocated on
 * the word of a declared length.
 */
import { LiveAuditError } from '../../../native/errors.ts';
import {
  FIELD_HEADER_SIZE,
  FIXED_SIZE,
  I32_SIZE,
  LIST_HEADER_SIZE,
  MAP_HEADER_SIZE,
  MESSAGE_PREFIX_SIZE,
  Type,
  VERSION_1,
  VERSION_MASK,
} from './wire.ts';

export interface Limits {
  /** Bytes of one message, its header included. */
  readonly messageBytes: number;
  /** Entries of one map, set or list. */
  readonly entries: number;
}

/** Bytes of a method's name. */
const MAX_NAME = 256;
const MAX_DEPTH = 32;
const NOTHING = Buffer.alloc(0);

/** A struct (`left` is Infinity: until STOP) or a container that is being walked. */
interface Frame {
  left: number;
  readonly keyType: number;
  readonly valueType: number;
  onKey: boolean;
}

export class MessageFramer {
  readonly #limits: Limits;
  #bytes: Buffer = NOTHING;
  /** Bytes that are here, and bytes that are walked (may lead: a string's body is skipped over). */
  #end = 0;
  #at = 0;
  #inHeader = true;
  readonly #stack: Frame[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes held for a message that is not whole. */
  get buffered(): number {
    return this.#end;
  }

  /**
   * @param chunk is the framer's from now on: mostly it is a message, which need not be copied
   * @throws LiveAuditError PROTOCOL: not Thrift, or over a limit; the stream can't be read further
   */
  push(chunk: Buffer): void {
    const size = this.#end + chunk.length;
    // A pipelined next message may follow the first: the walk bounds each, this bounds the sum.
    if (size > this.#limits.messageBytes * 2) throw refuse(`${size} bytes without a message's end`);
    if (this.#end === 0) this.#bytes = chunk;
    else {
      this.#reserve(size);
      chunk.copy(this.#bytes, this.#end);
    }
    this.#end = size;
  }

  /**
   * The next whole message, only to be read; undefined when more bytes are needed.
   * @throws LiveAuditError PROTOCOL
   */
  next(): Buffer | undefined {
    if (this.#inHeader && !this.#header()) return undefined;
    while (this.#stack.length > 0) {
      if (!this.#step()) return undefined;
    }
    if (this.#at > this.#end) return undefined;
    return this.#take();
  }

  #take(): Buffer {
    const message = this.#bytes.subarray(0, this.#at);
    // Exactly what is there, so that more of it goes into memory of its own.
    this.#bytes = this.#at < this.#end ? this.#bytes.subarray(this.#at, this.#end) : NOTHING;
    this.#end -= this.#at;
    this.#at = 0;
    this.#inHeader = true;
    return message;
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(size, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }

  /** Strict header only: osquery and every client library of it write it. */
  #header(): boolean {
    if (this.#end < MESSAGE_PREFIX_SIZE) return false;
    const version = this.#bytes.readUInt32BE(0);
    if ((version & VERSION_MASK) >>> 0 !== VERSION_1) {
      throw refuse(`a message that begins with 0x${version.toString(16)}`);
    }
    const name = this.#bytes.readInt32BE(I32_SIZE);
    if (name < 0 || name > MAX_NAME) throw refuse(`a method name of ${name} bytes`);
    this.#at = MESSAGE_PREFIX_SIZE + name + I32_SIZE;
    this.#inHeader = false;
    this.#stack.push(structFrame());
    return true;
  }

  /** Walks one field header or one container entry; false when its bytes are not here yet. */
  #step(): boolean {
    const frame = this.#stack[this.#stack.length - 1];
    if (frame === undefined) return true;
    if (frame.left === Number.POSITIVE_INFINITY) return this.#field();
    if (frame.left === 0) {
      this.#stack.pop();
      return true;
    }
    const type = frame.onKey ? frame.keyType : frame.valueType;
    if (!this.#value(type)) return false;
    if (frame.onKey) {
      frame.onKey = false;
    } else {
      frame.left -= 1;
      frame.onKey = frame.keyType !== Type.STOP;
    }
    return true;
  }

  #field(): boolean {
    if (!this.#has(1)) return false;
    const type = this.#bytes.readUInt8(this.#at);
    if (type === Type.STOP) {
      this.#at += 1;
      this.#stack.pop();
      return true;
    }
    if (!this.#has(FIELD_HEADER_SIZE)) return false;
    const start = this.#at;
    this.#at += FIELD_HEADER_SIZE;
    if (this.#value(type)) return true;
    this.#at = start;
    return false;
  }

  /** Walks over a value, or opens it; false (and nothing moved) when its header is not here yet. */
  #value(type: number): boolean {
    const fixed = FIXED_SIZE[type];
    if (fixed !== undefined) return this.#skip(fixed);
    switch (type) {
      case Type.STRING: {
        if (!this.#has(I32_SIZE)) return false;
        const length = this.#bytes.readInt32BE(this.#at);
        if (length < 0) throw refuse(`a string of ${length} bytes`);
        return this.#skip(I32_SIZE + length);
      }
      case Type.STRUCT:
        this.#open(structFrame());
        return true;
      case Type.MAP:
        if (!this.#has(MAP_HEADER_SIZE)) return false;
        this.#openContainer(this.#bytes.readUInt8(this.#at), 1, MAP_HEADER_SIZE);
        return true;
      case Type.LIST:
      case Type.SET:
        if (!this.#has(LIST_HEADER_SIZE)) return false;
        this.#openContainer(Type.STOP, 0, LIST_HEADER_SIZE);
        return true;
      default:
        throw refuse(`a value of type ${type}`);
    }
  }

  #openContainer(keyType: number, valueTypeAt: number, headerSize: number): void {
    const valueType = this.#bytes.readUInt8(this.#at + valueTypeAt);
    const left = this.#bytes.readInt32BE(this.#at + valueTypeAt + 1);
    // Each entry takes a byte at least, so the limit on bytes limits entries too.
    if (left < 0 || left > this.#limits.entries) throw refuse(`a container of ${left} entries`);
    this.#skip(headerSize);
    this.#open({ left, keyType, valueType, onKey: keyType !== Type.STOP });
  }

  #open(frame: Frame): void {
    if (this.#stack.length >= MAX_DEPTH) throw refuse(`a nesting over ${MAX_DEPTH}`);
    this.#stack.push(frame);
  }

  #has(size: number): boolean {
    return this.#at + size <= this.#end;
  }

  #skip(size: number): true {
    this.#at += size;
    if (this.#at > this.#limits.messageBytes) {
      throw refuse(`a message of over ${this.#limits.messageBytes} bytes`);
    }
    return true;
  }
}

const structFrame = (): Frame => ({
  left: Number.POSITIVE_INFINITY,
  keyType: Type.STOP,
  valueType: Type.STOP,
  onKey: false,
});

const refuse = (what: string): LiveAuditError => new LiveAuditError('PROTOCOL', what);
