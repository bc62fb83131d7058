/** Passwords in URLs: `scheme://user:password@host` (RFC 3986, userinfo), and tokens in the user's place. */
import { isPlainValue } from './names.ts';
import type { SpanSink } from './spans.ts';

const SEPARATOR = '://';
/** Ends the authority: a slash, or what ends the URL. */
const AUTHORITY_END = /[/ \t\r\n\f\v"'`<>\\\0]/g;
const URL_END = /[ \t\r\n\f\v"'`<>\0]/g;
/** GitHub's way: the token stands in the user's place, and this in the password's. */
const TOKEN_AS_USER = 'x-oauth-basic';
/** A user that is shorter, or has no digit, is one. */
const MIN_TOKEN = 20;

function search(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}

/** @param cut the text goes on where it ends */
export function findUrls(text: string, sink: SpanSink, cut: boolean): void {
  let urlEnd = 0;
  let lastAt = -1;
  for (let at = text.indexOf(SEPARATOR); at >= 0; at = text.indexOf(SEPARATOR, at + 1)) {
    const from = at + SEPARATOR.length;
    const end = search(AUTHORITY_END, text, from);
    const authority = text.slice(from, end);
    const userinfo = authority.lastIndexOf('@');
    if (userinfo >= 0) {
      findInUserinfo(text, from, from + userinfo, sink);
      continue;
    }
    const colon = authority.indexOf(':');
    if (colon < 0 || authority.startsWith('[') || isPort(authority.slice(colon + 1))) continue;
    if (end === text.length) {
      if (cut) sink.add(from + colon + 1, end); // the rest, with its `@`, is beyond the cut
      continue;
    }
    // A password with a slash in it, which should have been %2F.
    if (from >= urlEnd) {
      urlEnd = search(URL_END, text, from);
      lastAt = from + text.slice(from, urlEnd).lastIndexOf('@');
    }
    if (lastAt > end) findInUserinfo(text, from, lastAt, sink);
  }
}

/** Go's way: `user:password@tcp(host:port)/database`. */
const DSN = /:([^:@ \t\r\n'"`]{1,255})@(?:tcp|unix)\(/g;

export function findDsns(text: string, sink: SpanSink): void {
  for (const { index, 1: secret = '' } of text.matchAll(DSN))
    if (!isPlainValue(secret)) sink.add(index + 1, index + 1 + secret.length);
}

const isPort = (text: string): boolean => text.length <= 5 && /^\d*$/.test(text);

function findInUserinfo(text: string, from: number, to: number, sink: SpanSink): void {
  const colon = text.indexOf(':', from);
  if (colon < 0 || colon >= to) {
    const user = text.slice(from, Math.min(to, from + 256));
    if (user.length >= MIN_TOKEN && /\d/.test(user) && /^[\w.~-]+$/.test(user)) sink.add(from, to);
    return;
  }
  const password = text.slice(colon + 1, to);
  if (password === TOKEN_AS_USER) sink.add(from, colon);
  else if (!isPlainValue(password)) sink.add(colon + 1, to);
}
