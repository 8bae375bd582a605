export const RELEASES_PER_PLUGIN_MAX = 200
export const INSTALLS_MAX = 40
export const CONFIGURATION_BYTES_MAX = 64_000
export const CALLS_KEPT_DAYS = 30
/** Of calls that went well, this share is kept with input and output. Failures are all kept. */
export const CALLS_KEPT_PPM = 10_000
/** After a change of version or configuration an installation's first calls in a process are all kept. */
export const FIRST_CALLS_KEPT = 20
export const CALLS_PER_DAY_DEFAULT = 2_000_000n
export const CPU_MS_PER_DAY_DEFAULT = 2_000_000n
