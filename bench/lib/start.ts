/** From spawn to the registration, and to capturing. */
import type { Finding } from './report.ts';
import { World } from './world.ts';

const ROUNDS = 10;
const BAR_MS = 500;

export async function start(): Promise<Finding[]> {
  const registered: number[] = [];
  const capturing: number[] = [];
  const collecting: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    registered.push(
      await inNewWorld(async (world) => {
        const begin = performance.now();
        world.extension('extension');
        const [known, captures] = await Promise.all([world.manager.registered, world.capturing()]);
        capturing.push(captures - begin);
        return known - begin;
      }),
    );
    collecting.push(
      await inNewWorld(async (world) => {
        const begin = performance.now();
        world.collector();
        return (await world.capturing()) - begin;
      }),
    );
  }
  const ms = { unit: 'ms', digits: 0, bar: BAR_MS };
  return [
    { what: 'start of the extension to registerExtension', rounds: registered, ...ms },
    { what: 'start of the extension to capturing', rounds: capturing, ...ms },
    { what: 'start of `collect` to capturing', rounds: collecting, ...ms },
  ];
}

async function inNewWorld(measure: (world: World) => Promise<number>): Promise<number> {
  const world = await World.empty();
  try {
    return await measure(world);
  } finally {
    await world.stop();
  }
}
