/** How dispatch_command returned, by the numbers and names that eCapture gave it (enum dispatch_command_return). */
import { mysql } from './targets.ts';

const STATUS: Readonly<Record<number, string>> = {
  [-2]: 'V57_FAILED',
  [-1]: 'NOT_CAPTURED',
  0: 'SUCCESS',
  1: 'CLOSE_CONNECTION',
  2: 'WOULDBLOCK',
};

/** It has not returned. */
export const NOT_CAPTURED = -1;
/** It is a bool from MySQL 5.7 on: the connection ends. */
const V57_FAILED = -2;

export const returnCode = (returned: number, program: string | undefined): number =>
  returned === 1 && program === mysql.program ? V57_FAILED : returned;

export const statusName = (code: number): string => STATUS[code] ?? String(code);
