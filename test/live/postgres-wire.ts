/** PostgreSQL's protocol by hand (documentation, "Message Formats"), for what no driver would send. */
import { once } from 'node:events';
import net from 'node:net';

const PROTOCOL_3 = 196_608;
const LENGTH_BYTES = 4;

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const cstring = (text: string | Buffer): Buffer => Buffer.concat([Buffer.from(text), Buffer.of(0)]);

/** A parameter: text, bytes in binary format, or NULL. */
export type Parameter = string | Buffer | null;

export class PostgresWire {
  readonly #socket: net.Socket;
  #input = Buffer.alloc(0);
  #ready = 0;
  #awaited = 0;
  /** Process of the backend. */
  pid = 0;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('data', (data) => this.#take(data));
    socket.on('error', () => {}); // a backend that is killed resets the connection
  }

  static async connect(
    port: number,
    settings: Readonly<Record<string, string>>,
  ): Promise<PostgresWire> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const wire = new PostgresWire(socket);
    const pairs = Object.entries(settings).flatMap(([name, value]) => [
      cstring(name),
      cstring(value),
    ]);
    const body = Buffer.concat([int32(PROTOCOL_3), ...pairs, Buffer.of(0)]);
    socket.write(Buffer.concat([int32(body.length + LENGTH_BYTES), body]));
    await wire.ready();
    return wire;
  }

  /** The client's end of the connection. */
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  #take(data: Buffer): void {
    this.#input = Buffer.concat([this.#input, data]);
    while (this.#input.length >= 1 + LENGTH_BYTES) {
      const length = 1 + this.#input.readInt32BE(1);
      if (this.#input.length < length) return;
      const type = String.fromCharCode(this.#input[0] ?? 0);
      if (type === 'K') this.pid = this.#input.readInt32BE(5);
      if (type === 'Z') this.#ready++;
      this.#input = this.#input.subarray(length);
    }
  }

  #send(type: string, ...parts: readonly Buffer[]): this {
    const body = Buffer.concat(parts);
    this.#socket.write(Buffer.concat([Buffer.from(type), int32(body.length + LENGTH_BYTES), body]));
    return this;
  }

  query(text: string | Buffer): this {
    return this.#send('Q', cstring(text));
  }

  parse(name: string, text: string, types: readonly number[] = []): this {
    return this.#send('P', cstring(name), cstring(text), int16(types.length), ...types.map(int32));
  }

  bind(portal: string, statement: string, parameters: readonly Parameter[] = []): this {
    const formats = parameters.map((value) => int16(Buffer.isBuffer(value) ? 1 : 0));
    const values = parameters.flatMap((value) => {
      if (value === null) return [int32(-1)];
      const bytes = Buffer.from(value);
      return [int32(bytes.length), bytes];
    });
    const head = [cstring(portal), cstring(statement), int16(formats.length), ...formats];
    return this.#send('B', ...head, int16(parameters.length), ...values, int16(0));
  }

  execute(portal: string, rows: number): this {
    return this.#send('E', cstring(portal), int32(rows));
  }

  close(what: 'P' | 'S', name: string): this {
    return this.#send('C', Buffer.from(what), cstring(name));
  }

  functionCall(oid: number, values: readonly Buffer[]): this {
    const args = values.flatMap((bytes) => [int32(bytes.length), bytes]);
    return this.#send('F', int32(oid), int16(1), int16(1), int16(values.length), ...args, int16(1));
  }

  describe(what: 'P' | 'S', name: string): this {
    return this.#send('D', Buffer.from(what), cstring(name));
  }

  copyData(bytes: string | Buffer): this {
    return this.#send('d', Buffer.from(bytes));
  }

  copyDone(): this {
    return this.#send('c');
  }

  copyFail(reason: string): this {
    return this.#send('f', cstring(reason));
  }

  sync(): this {
    return this.#send('S');
  }

  /** Resolves at the next ReadyForQuery, or when the server closes the connection. */
  async ready(): Promise<void> {
    this.#awaited++;
    while (this.#ready < this.#awaited && !this.#socket.destroyed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#socket.off('data', done).off('close', done);
          resolve();
        };
        this.#socket.once('data', done).once('close', done);
      });
    }
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    if (!this.#socket.destroyed) await once(this.#socket, 'close');
  }

  /** Leave without a word. */
  drop(): void {
    this.#socket.destroy();
  }

  end(): void {
    this.#send('X');
    this.#socket.end();
  }
}
