/** How a program is told a secret on its command line. */

/** An option whose value is a user, a separator and a secret. */
export interface UserOption {
  readonly options: readonly string[];
  /** `u` of `curl -su user:password`. */
  readonly letters?: string;
  readonly separator: ':' | '%' | ',' | '=';
  /** Before the separator: what makes its value none. */
  readonly except?: RegExp;
}

export interface Program {
  /** Letters of options whose value is a secret: `-pX`, `-p X`. */
  readonly secret?: string;
  /** Letters of options without a value, which may stand before such a letter: `-xw X`. */
  readonly flags?: string;
  /** The value stands with the letter only: `-p X` asks, and X is something else. */
  readonly attached?: true;
  readonly users?: readonly UserOption[];
  /** A word that begins with this goes on with a secret. */
  readonly prefix?: string;
  /** Words whose next word is a secret. */
  readonly before?: readonly string[];
  /** Words whose next two words are secrets. */
  readonly beforeTwo?: readonly string[];
  /** Words behind which all are secret. */
  readonly behind?: readonly string[];
  /** Operands `NAME=X` are secret where their name is such. */
  readonly fields?: RegExp;
  /** A word that names a secret, by its last part where it is a path, stands before it. */
  readonly named?: true;
  /** Only where this is among the words. */
  readonly only?: string;
  /** Options with the name of a secret that take no word behind them. */
  readonly bare?: readonly string[];
  /** Which of the words that are no option are secret, from 0 on; -1 is the last one. */
  readonly operands?: { readonly at: readonly number[]; readonly least: number };
  /** Letters of options whose value is no operand. */
  readonly values?: string;
  /** Long options whose value is no operand. */
  readonly longValues?: readonly string[];
  /** Operands are only looked at where this is among the words. */
  readonly operandsAfter?: string;
  /** Operands are only counted where one of these letters is among the options. */
  readonly operandsWith?: string;
  /** An operand is `user/password@database`. */
  readonly logon?: true;
  /** A word is `user:password@host`, without a scheme. */
  readonly hosts?: true;
  /** What follows its options is another command. */
  readonly wraps?: true;
}

/** `-p X` */
export const P: Program = { secret: 'p' };
/** `docker login -p X`, `skopeo copy --src-creds user:X` */
export const LOGIN: Program = {
  secret: 'p',
  only: 'login',
  users: [{ options: ['--creds', '--src-creds', '--dest-creds'], separator: ':' }],
};

export const named = (names: string, ...programs: Program[]): [string, readonly Program[]][] =>
  names.split(' ').map((name) => [name, programs]);
