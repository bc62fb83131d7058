import { usage } from '../manual/usage.ts';

export function help(): void {
  process.stdout.write(usage());
}
