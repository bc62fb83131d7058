/** The protocol of MySQL by hand (its documentation, "Client/Server Protocol"), for what no driver would send. */
import net from 'node:net';

/**
 * PROTOCOL_41, SECURE_CONNECTION, MULTI_STATEMENTS, MULTI_RESULTS; without the first bit MariaDB looks at its own
 * capabilities, 4 bytes behind.
 */
const CAPABILITIES = 0x200 | 0x8000 | 0x1_0000 | 0x2_0000;
const MARIADB_COM_MULTI = 1 << 1;
const MARIADB_BULK = 1 << 2;
const HEADER_BYTES = 4;
const OK = 0;
const END = 0xfe;
const END_BYTES = 5;
const MAX_END = 9;
const ERROR = 0xff;
/** SERVER_STATUS_*: bits of an answer's status. */
const MORE_RESULTS = 8;
const CURSOR_EXISTS = 0x40;
const MAX_PACKET = 0xff_ffff;
const UTF8 = 33;

export const Com = {
  QUIT: 1,
  INIT_DB: 2,
  QUERY: 3,
  FIELD_LIST: 4,
  REFRESH: 7,
  STATISTICS: 9,
  PROCESS_INFO: 10,
  PROCESS_KILL: 12,
  PING: 14,
  CHANGE_USER: 17,
  STMT_PREPARE: 22,
  STMT_EXECUTE: 23,
  STMT_SEND_LONG_DATA: 24,
  STMT_CLOSE: 25,
  STMT_RESET: 26,
  SET_OPTION: 27,
  STMT_FETCH: 28,
  RESET_CONNECTION: 31,
  STMT_BULK_EXECUTE: 250,
  MULTI: 254,
} as const;

const isEnd = (packet: Buffer): boolean => packet[0] === END && packet.length < MAX_END;

export interface Statement {
  readonly id: number;
  readonly parameters: number;
  readonly columns: number;
}

export class MysqlWire {
  readonly #socket: net.Socket;
  #input: Buffer = Buffer.alloc(0);
  #sequence = 0;
  #closed = false;
  #wake: () => void = () => {};
  /** As CONNECTION_ID() has it. */
  id = 0;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    socket.on('data', (data) => {
      this.#input = Buffer.concat([this.#input, data]);
      this.#wake();
    });
  }

  /** Without a password. */
  static async connect(path: string, user = 'root'): Promise<MysqlWire> {
    const socket = net.connect(path);
    const wire = new MysqlWire(socket);
    const greeting = await wire.packet();
    if (greeting.length === 0) throw new Error('the server closed the connection');
    wire.id = greeting.readUInt32LE(greeting.indexOf(0) + 1); // behind the version
    const head = Buffer.alloc(32);
    head.writeUInt32LE(CAPABILITIES, 0);
    head.writeUInt32LE(MAX_PACKET, 4);
    head.writeUInt8(UTF8, 8);
    head.writeUInt32LE(MARIADB_COM_MULTI | MARIADB_BULK, 28);
    wire.#write(Buffer.concat([head, Buffer.from(`${user}\0`), Buffer.from([0])]));
    const answer = await wire.packet();
    if (answer[0] !== 0) throw new Error(`no login: ${answer.toString('latin1')}`);
    return wire;
  }

  #write(body: Buffer): void {
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUIntLE(body.length, 0, 3);
    head.writeUInt8(this.#sequence++ & 255, 3);
    this.#socket.write(Buffer.concat([head, body]));
  }

  /** The next packet of the server; empty where it has closed the connection. */
  async packet(): Promise<Buffer> {
    for (;;) {
      const size = this.#input.length >= HEADER_BYTES ? this.#input.readUIntLE(0, 3) : -1;
      if (size >= 0 && this.#input.length >= HEADER_BYTES + size) {
        this.#sequence = this.#input.readUInt8(3) + 1;
        const body = this.#input.subarray(HEADER_BYTES, HEADER_BYTES + size);
        this.#input = this.#input.subarray(HEADER_BYTES + size);
        return body;
      }
      if (this.#closed) return Buffer.alloc(0);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Send a command that is not answered. */
  send(command: number, ...body: readonly (Buffer | string)[]): void {
    this.#sequence = 0;
    this.#write(Buffer.concat([Buffer.from([command]), ...body.map((part) => Buffer.from(part))]));
  }

  /** Send a command; its first answer. */
  command(command: number, ...body: readonly (Buffer | string)[]): Promise<Buffer> {
    this.send(command, ...body);
    return this.packet();
  }

  /** Packets up to the end of rows or definitions, or an error. @returns the last one, and how many before it */
  async untilEnd(): Promise<{ last: Buffer; count: number }> {
    for (let count = 0; ; count++) {
      const last = await this.packet();
      if (last.length === 0 || last[0] === ERROR || isEnd(last)) return { last, count };
    }
  }

  /** All that answers a command but COM_STMT_FETCH and its like. @returns rows of each result; null: an error */
  async results(): Promise<(number | null)[]> {
    const results: (number | null)[] = [];
    for (let status = MORE_RESULTS; (status & MORE_RESULTS) !== 0; ) {
      const first = await this.packet();
      if (first.length === 0 || first[0] === ERROR) return [...results, null];
      if (first[0] === END && first.length === END_BYTES) return [...results, 0]; // of COM_SET_OPTION
      if (first[0] === END) {
        this.#write(Buffer.alloc(0)); // a change of user: it asks for the password once more, and there is none
        continue;
      }
      if (first[0] === OK) {
        results.push(0);
        status = first.readUInt16LE(3); // counts below 251 take a byte each
        continue;
      }
      const definitions = await this.untilEnd();
      status = definitions.last.readUInt16LE(3);
      if ((status & CURSOR_EXISTS) !== 0) return [...results, 0];
      const { last, count } = await this.untilEnd();
      if (last[0] !== END) return [...results, null];
      results.push(count);
      status = last.readUInt16LE(3);
    }
    return results;
  }

  /** The same, sent. */
  ask(command: number, ...body: readonly (Buffer | string)[]): Promise<(number | null)[]> {
    this.send(command, ...body);
    return this.results();
  }

  /** Bytes as they are: packets whose lengths lie. */
  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** @returns whether it is an error */
  static isError = (answer: Buffer): boolean => answer[0] === ERROR;

  async prepare(text: string): Promise<Statement> {
    const answer = await this.command(Com.STMT_PREPARE, text);
    if (answer[0] !== 0) throw new Error(answer.toString('latin1'));
    const statement = {
      id: answer.readUInt32LE(1),
      columns: answer.readUInt16LE(5),
      parameters: answer.readUInt16LE(7),
    };
    for (const count of [statement.parameters, statement.columns])
      for (let i = 0; count > 0 && i <= count; i++) await this.packet(); // definitions and their end
    return statement;
  }

  close(): void {
    this.#socket.destroy();
  }
}

const id = (statement: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(statement);
  return bytes;
};

/** The head of COM_STMT_EXECUTE, to its NULL bitmap. */
export const executeHead = (statement: number): Buffer =>
  Buffer.concat([id(statement), Buffer.from([0, 1, 0, 0, 0])]);

export const longDataHead = (statement: number, parameter: number): Buffer =>
  Buffer.concat([id(statement), Buffer.from([parameter, parameter >> 8])]);

export const statementHead = id;
