/**
 * The constants of Thrift's binary protocol (thrift.apache.org, "Thrift Binary protocol encoding").
 * All integers are big-endian; a string is an i32 length and that many bytes of UTF-8.
 */

/** One byte before each field and in each container header. */
export const Type = {
  STOP: 0,
  BOOL: 2,
  BYTE: 3,
  DOUBLE: 4,
  I16: 6,
  I32: 8,
  I64: 10,
  STRING: 11,
  STRUCT: 12,
  MAP: 13,
  SET: 14,
  LIST: 15,
  UUID: 16,
} as const;

export const MessageType = { CALL: 1, REPLY: 2, EXCEPTION: 3, ONEWAY: 4 } as const;

/** A strict message begins with i32 `VERSION_1 | message type`. */
export const VERSION_1 = 0x8001_0000;
export const VERSION_MASK = 0xffff_0000;
export const MESSAGE_TYPE_MASK = 0xff;

/** Bytes of a value of fixed size, by type. */
export const FIXED_SIZE: { readonly [type: number]: number | undefined } = {
  [Type.BOOL]: 1,
  [Type.BYTE]: 1,
  [Type.DOUBLE]: 8,
  [Type.I16]: 2,
  [Type.I32]: 4,
  [Type.I64]: 8,
  [Type.UUID]: 16,
};

/** i32 version, i32 length of the name, (name), i32 sequence id: the part before the name. */
export const MESSAGE_PREFIX_SIZE = 8;
export const I32_SIZE = 4;
/** u8 type, i16 field id. */
export const FIELD_HEADER_SIZE = 3;
/** u8 key type, u8 value type, i32 entries. */
export const MAP_HEADER_SIZE = 6;
/** u8 element type, i32 elements. */
export const LIST_HEADER_SIZE = 5;
