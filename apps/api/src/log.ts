import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { pino } from 'pino'

/** Structured lines on standard output: one a request, and what went wrong. Fields are named here, one by one. */
export function openLog(level: string, destination?: { write(line: string): void }): FastifyBaseLogger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return destination ? pino(options, destination) : pino(options)
}

/** What a line says of its request beside its id, which the request's log adds: nothing the caller wrote but the method. */
export function requestFields(request: FastifyRequest) {
  return {
    merchant_id: request.inMerchant?.merchant.id,
    method: request.method,
    route: request.routeOptions.url,
  }
}

/**
 * What a line says of an unforeseen error: its kind and where it happened. Not its message, which may quote data, and
 * never the statement behind it.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { kind: typeof error }
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  const frames = error.stack?.split('\n').filter((frame) => frame.startsWith('    at '))
  return {
    kind: error.name,
    code: typeof code === 'string' ? code : undefined,
    at: frames?.map((frame) => frame.trim()),
    cause: cause === undefined ? undefined : errorFields(cause),
  }
}
