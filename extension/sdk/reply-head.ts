/** What stands before and behind the rows in the reply to a `call` that succeeds. */
import { BinaryWriter } from './thrift/binary-writer.ts';
import { ExtensionCode } from './thrift/index.ts';
import { I32_SIZE, MessageType, Type } from './thrift/wire.ts';

const METHOD = 'call';
/** i32 version, i32 length of the method's name, the name: then the i32 sequence id. */
const SEQUENCE_ID = 2 * I32_SIZE + METHOD.length;

/** Field ids of `call`'s result, ExtensionResponse and ExtensionStatus (osquery.thrift). */
const Field = {
  SUCCESS: 0,
  STATUS: 1,
  RESPONSE: 2,
  CODE: 1,
  MESSAGE: 2,
  UUID: 3,
} as const;

/** The ends of ExtensionResponse and of the result. */
export const REPLY_TAIL = Uint8Array.of(Type.STOP, Type.STOP);

export class ReplyHead {
  readonly #bytes: Buffer;

  /** @param uuid of the registration, shown in every status */
  constructor(uuid: bigint) {
    const head = new BinaryWriter();
    head.writeMessageBegin(METHOD, MessageType.REPLY, 0);
    head.writeFieldBegin('success', Type.STRUCT, Field.SUCCESS);
    head.writeFieldBegin('status', Type.STRUCT, Field.STATUS);
    head.writeFieldBegin('code', Type.I32, Field.CODE);
    head.writeI32(ExtensionCode.SUCCESS);
    head.writeFieldBegin('message', Type.STRING, Field.MESSAGE);
    head.writeString('OK');
    head.writeFieldBegin('uuid', Type.I64, Field.UUID);
    head.writeI64(uuid);
    head.writeFieldStop();
    head.writeFieldBegin('response', Type.LIST, Field.RESPONSE);
    head.writeListBegin(Type.MAP, 0);
    this.#bytes = head.bytes;
  }

  /**
   * @param seqid of the request
   * @returns good until the next call
   */
  of(seqid: number, rows: number): Uint8Array {
    this.#bytes.writeInt32BE(seqid, SEQUENCE_ID);
    this.#bytes.writeInt32BE(rows, this.#bytes.length - I32_SIZE);
    return this.#bytes;
  }
}
