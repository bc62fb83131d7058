/** What is typed into a zsh, and what must be in the table: as bash-cases.ts. */
import type { Case } from './bash-cases.ts';

const one = (line: string, exit = 0, expanded?: string): Case => ({
  typed: [line],
  exit,
  ...(expanded === undefined ? {} : { expanded }),
});
const many = (exit: number, ...typed: string[]): Case => ({ typed, exit });

/** A prompt that says `$?`, and nothing else of its own. */
export const ZSH_ENV = {
  ...{ PS1: '[%?]> ', PS2: '[more]> ', PROMPT_EOL_MARK: '', SAVEHIST: '0' },
};

export const ZSH_CASES: readonly Case[] = [
  // simple commands
  one('true'),
  one('false', 1),
  one(':'),
  one('no-such-command-here', 127),
  one('/etc/passwd', 126),
  one('sh -c "exit 42"', 42),
  one('sh -c "exit 255"', 255),
  one('sh -c "kill -TERM \\$\\$"', 143),
  one('sh -c "kill -KILL \\$\\$"', 137),
  one('  true'),
  one('true  '),
  one('echo "a  b"   c'),
  one('X=5'),
  one('X=$(false)', 1),
  one('cd /usr/lib'),
  one('cd /nonexistent', 1),
  // lists and pipelines
  one('true; false', 1),
  one('false; true'),
  one('true && false', 1),
  one('false || true'),
  one('! true', 1),
  one('true | false', 1),
  one('false | true'),
  one('sh -c "exit 9" & wait $!', 9),
  // compound commands
  one('if true; then false; fi', 1),
  one('if false; then :; else (exit 6); fi', 6),
  one('for i in 1 2 3; do test $i = 2; done', 1),
  one('for i (1 2 3) :'),
  one('n=0; while (( n < 50 )); do n=$((n+1)); done; (exit $n)', 50),
  one('case x in x) false;; esac', 1),
  one('{ false }', 1),
  one('(exit 17)', 17),
  one('[[ -z x ]]', 1),
  one('(( 0 ))', 1),
  one('repeat 3 false', 1),
  // functions, eval, source, traps, hooks
  one('f() { return 7; }'),
  one('f', 7),
  one('eval "exit_later=1; false"', 1),
  one('. /dev/null'),
  one('source <(echo "(exit 12)")', 12),
  one('trap "true" USR1; kill -USR1 $$; trap - USR1'),
  one('precmd() { eval "true"; false }'),
  one('preexec() { eval "false" }'),
  one('false', 1),
  one('unfunction precmd preexec'),
  one('zshaddhistory() { eval "true" }'),
  one('sh -c "exit 8"', 8),
  one('unfunction zshaddhistory'),
  one('alias ll=false'),
  one('ll', 1),
  one('test "$(echo hi)" = hi'),
  // text
  one('echo "Grüße, 世界 🌍 àÀ" >/dev/null'),
  one(`echo ${'x'.repeat(250)} >/dev/null`),
  one(`echo ${'z'.repeat(3000)} >/dev/null`),
  // several lines
  many(0, 'if true', 'then true', 'fi'),
  many(0, 'echo "first', 'second" >/dev/null'),
  many(1, 'for i in 1 2', 'do false', 'done'),
  many(0, 'cat <<EOF >/dev/null', 'body $HOME', 'EOF'),
  many(1, 'true &&', 'false'),
  many(0, 'echo one \\', '  two >/dev/null'),
  // mistakes
  one(')', 1),
  // history expansion
  one('echo alpha beta >/dev/null'),
  one('!!', 0, 'echo alpha beta >/dev/null'),
  one('echo !$ >/dev/null', 0, 'echo /dev/null >/dev/null'),
  one('sh -c "exit 5" !:0', 5, 'sh -c "exit 5" echo'),
  one("echo '!!' >/dev/null"),
  // not kept in zsh's own history: typed all the same
  one('setopt histignorespace'),
  one(' sh -c "exit 34"', 34),
  one('HISTSIZE=0; unset HISTFILE'),
  one('sh -c "exit 35"', 35),
];
