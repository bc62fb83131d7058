/**
 * Secrets that are known by their shape, wherever they stand: the prefixes that their issuers document. Each
 * begins where no word goes on, so that each run of characters is looked at once: linear.
 */
import type { SpanSink } from './spans.ts';

const TOKENS = [
  '(?:AKIA|ASIA)[0-9A-Z]{16}', // AWS access key id
  'gh[pousr]_[A-Za-z0-9]{20,}', // GitHub
  'github_pat_[A-Za-z0-9_]{20,}',
  'gl(?:pat|dt|rt|ft|ptt|cbt|agent|soat|imt|ffct)-[\\w-]{15,}', // GitLab
  'GR1348941[\\w-]{16,}',
  'xox[abprs]-[\\w-]{10,}', // Slack
  'xapp-[\\w-]{10,}',
  'npm_[A-Za-z0-9]{30,}',
  'pypi-A[\\w-]{30,}',
  'AIza[\\w-]{30,}', // Google API key
  'ya29\\.[\\w.-]{20,}', // Google OAuth
  '[sr]k_(?:live|test)_[A-Za-z0-9]{10,}', // Stripe
  'sk-(?:ant|proj|svcacct|or-v1)-[\\w-]{20,}', // Anthropic, OpenAI
  'dckr_pat_[\\w-]{20,}', // Docker Hub
  'shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}', // Shopify
  'hv[sb]\\.[\\w-]{20,}', // HashiCorp Vault
  '[A-Za-z0-9]{14}\\.atlasv1\\.[\\w=-]{40,}', // HCP Terraform
  'whsec_[A-Za-z0-9+/]{20,}', // webhooks of Stripe
  'glsa_[A-Za-z0-9_]{30,}', // Grafana
  'tskey-[\\w-]{20,}', // Tailscale
  'lin_api_[A-Za-z0-9]{30,}', // Linear
  'rubygems_[a-f0-9]{48}',
  'xkeysib-[a-f0-9]{64}', // Brevo
  'sq0(?:csp|atp)-[\\w-]{22,}', // Square
  'NRAK-[A-Z0-9]{27}', // New Relic
  'PMAK-[a-f0-9]{24}-[a-f0-9]{34}', // Postman
  'ATATT3[\\w=-]{50,}', // Atlassian
  'sntrys_[\\w+/=]{30,}', // Sentry
  'do[opr]_v1_[a-f0-9]{64}', // DigitalOcean
  'AGE-SECRET-KEY-1[A-Z0-9]{50,}',
  'eyJ[\\w-]{5,}\\.eyJ[\\w-]+(?:\\.[\\w-]*)?', // JWT (RFC 7519): {" in base64url, twice
];
const TOKEN = new RegExp(`(?<![\\w-])(?:${TOKENS.join('|')})`, 'g');
/** URLs that are secrets by themselves: Slack, Discord, Telegram, Teams. */
const WEBHOOK =
  /(?:hooks\.slack\.com\/services\/|discord(?:app)?\.com\/api\/webhooks\/\d+\/|api\.telegram\.org\/bot|webhook\.office\.com\/webhookb2\/)([\w/@:-]{10,})/g;
/** `Bearer …` without the name of a header before it. */
const BEARER = /(?<![\w-])bearer[ \t]+([\w.~+/-]{16,}=*)/gi;

/** RFC 7468 and OpenSSH's and PGP's likes of it. */
const PEM_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
const PEM_END = '-----END';

/**
 * What a mask left of a secret (spans.ts) whose text went on behind it: the rest of a token; stars in the place
 * of what was longer than a mark.
 */
const MASKED = /\[redacted\](?:\*+(?:\w[\w+/=~-]*)?|\w[\w+/=~-]*)/g;

/** How far back from a cut a token may begin, bytes. */
const CUT_REACH = 16_384;
const CUT_TOKEN =
  /^(?:A[KS]IA|gh[pousr]_|github_pat_|gl(?:pat|dt|rt|ft|ptt|cbt|agent|soat|imt|ffct)-|xox[abprs]-|xapp-|npm_|pypi-A|AIza|ya29\.|[sr]k_(?:live|test)_|sk-(?:ant|proj|svcacct|or-v1)-|dckr_pat_|shp(?:at|ss|ca|pa)_|hv[sb]\.|do[opr]_v1_|whsec_|glsa_|tskey-|lin_api_|rubygems_|xkeysib-|sq0(?:csp|atp)-|NRAK-|PMAK-|ATATT3|sntrys_|GR1348941|AGE-SECRET-KEY-1|eyJ)/;

/** @param cut the text goes on where it ends: a token that goes up to there is one whatever its length */
export function findShapes(text: string, sink: SpanSink, cut: boolean): void {
  for (const { index, 0: token } of text.matchAll(TOKEN)) sink.add(index, index + token.length);
  for (const { index, 0: all, 1: secret = '' } of text.matchAll(WEBHOOK))
    sink.add(index + all.length - secret.length, index + all.length);
  for (const { index, 0: all, 1: secret = '' } of text.matchAll(BEARER))
    if (/[\d._]/.test(secret)) sink.add(index + all.length - secret.length, index + all.length);
  for (const { index, 0: masked } of text.matchAll(MASKED)) sink.add(index, index + masked.length);
  let ended = 0;
  for (const { index, 0: begin } of text.matchAll(PEM_BEGIN)) {
    const from = index + begin.length;
    if (from < ended) continue;
    const end = text.indexOf(PEM_END, from);
    sink.add(from, end < 0 ? text.length : end);
    if (end < 0) break;
    ended = end;
  }
  if (cut) findCutToken(text, sink);
}

function findCutToken(text: string, sink: SpanSink): void {
  let start = text.length;
  const limit = Math.max(0, start - CUT_REACH);
  while (start > limit && /[\w.-]/.test(text[start - 1] ?? '')) start--;
  if (CUT_TOKEN.test(text.slice(start, start + 32))) sink.add(start, text.length);
}
