/** Sizes where nobody says otherwise: for the collector, and for the config's schema and page. */
const MIB = 1024 * 1024;

export const COLLECTOR_DEFAULTS = {
  ringBytes: 16 * MIB,
  kernelRingBytes: 8 * MIB,
  maxText: MIB,
  parameterBytes: 65_536,
  redaction: { rules: [] },
} as const;
