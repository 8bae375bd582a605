import { type DestinationStream, type Logger, pino } from 'pino'

/** All that may ever be logged beside the message. `error` is a text of describeError, never an error object. */
export interface LogFields {
  cell?: string
  pool?: string
  pools?: string[]
  task?: string
  jobId?: string
  merchantId?: string
  attempt?: number
  durationMs?: number
  outcome?: string
  reason?: string
  error?: string
  port?: number
  signal?: string
  plugin?: string
}

export type Log = Record<'debug' | 'info' | 'warn' | 'error', (fields: LogFields, message: string) => void>

const ALLOWED = new Set<string>([
  'cell',
  'pool',
  'pools',
  'task',
  'jobId',
  'merchantId',
  'attempt',
  'durationMs',
  'outcome',
  'reason',
  'error',
  'port',
  'signal',
  'plugin',
] satisfies (keyof LogFields)[])

/** Structured lines on standard output. A field that is not listed is dropped, whoever passes it. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: { app: 'worker', pid: process.pid },
    formatters: {
      log: (fields: object) => Object.fromEntries(Object.entries(fields).filter(([name]) => ALLOWED.has(name))),
    },
  }
  const logger: Logger = destination ? pino(options, destination) : pino(options)
  return logger
}
