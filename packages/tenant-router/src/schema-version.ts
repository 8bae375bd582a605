/**
 * The newest migration of each set that this code was written for. Every process reports it, and what older code still
 * uses is taken away only when all report a newer one. A test compares it with the files.
 */
export const SCHEMA_VERSION = { directory: 13, cell: 33 } as const
