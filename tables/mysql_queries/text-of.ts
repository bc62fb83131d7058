/** The text of one statement in a packet that may hold several. Pure. */

const SEMICOLON = 0x3b;
const SPACE = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;

/** What servers skip between statements: my_isspace() of every character set. */
const isSpace = (byte: number | undefined): boolean =>
  byte === SPACE || (byte !== undefined && byte >= TAB && byte <= CARRIAGE_RETURN);

/**
 * @param packet all of it, or its begin
 * @param from where the statement begins, in bytes from the begin of the packet's first statement
 * @param to where the next one begins; 0: the packet's end
 */
export function partOf(packet: Buffer, from: number, to: number): Buffer {
  let lead = 0;
  while (isSpace(packet[lead])) lead++;
  let start = Math.min(lead + from, packet.length);
  let end = to === 0 ? packet.length : Math.min(lead + to, packet.length);
  while (start < end && isSpace(packet[start])) start++;
  while (end > start && isSpace(packet[end - 1])) end--;
  if (end > start && packet[end - 1] === SEMICOLON) end--;
  while (end > start && isSpace(packet[end - 1])) end--;
  return packet.subarray(start, end);
}
