import packageJson from '../../package.json' with { type: 'json' };

export const NAME = 'live_audit';
export const VERSION: string = packageJson.version;
