import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from './errors.ts'
import { readJson } from './json-reader.ts'

export const BODY_LIMIT_BYTES = 1024 * 1024
// How long a JSON body may take to arrive. Uploads that are streamed have the server's longer limit instead.
export const BODY_TIMEOUT_MS = 10_000

const JSON_TYPE = /^application\/json(;[ \t]*charset="?utf-8"?)?$/i
const EMPTY = Buffer.alloc(0)

/** Makes strict JSON the only body the server reads. A route that streams adds its own type in its own scope. */
export function readBodiesAsJson(app: FastifyInstance, timeoutMs = BODY_TIMEOUT_MS): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: NodeJS.ReadableStream) => {
    if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) throw new Problem('unsupported_media_type')
    const bytes = await receive(payload, request.routeOptions.bodyLimit ?? BODY_LIMIT_BYTES, timeoutMs, request.headers['content-length'])
    const { value, oddNumbers } = readJson(bytes)
    if (oddNumbers.length > 0) {
      throw new Problem('invalid_body', {
        detail: 'Numbers are written plainly: not 1.0, 1E2 or -0.',
        errors: oddNumbers.map(({ pointer }) => ({ pointer, code: 'invalid_body' })),
      })
    }
    return value
  })
}

/** A body as it came, for those whose bytes are signed. */
export async function receiveText(payload: NodeJS.ReadableStream, limit: number, declared: string | undefined): Promise<string> {
  return (await receive(payload, limit, BODY_TIMEOUT_MS, declared)).toString('utf8')
}

/** Refuses a compressed body before anything of it is read. */
export function assertPlainBody(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw new Problem('unsupported_media_type')
}

function receive(payload: NodeJS.ReadableStream, limit: number, timeoutMs: number, declared: string | undefined): Promise<Buffer> {
  if (declared !== undefined && Number(declared) > limit) return Promise.reject(new Problem('body_too_large'))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received = 0
    const timer = setTimeout(() => stop(() => reject(new Problem('request_timeout'))), timeoutMs)
    const stop = (settle: () => void) => {
      clearTimeout(timer)
      payload.removeListener('data', onData).removeListener('end', onEnd).removeListener('error', onError).removeListener('close', onError)
      settle()
    }
    const onData = (chunk: Buffer) => {
      received += chunk.length
      if (received > limit) stop(() => reject(new Problem('body_too_large')))
      else chunks.push(chunk)
    }
    const onEnd = () => stop(() => resolve(chunks.length === 1 ? chunks[0]! : received === 0 ? EMPTY : Buffer.concat(chunks, received)))
    const onError = () => stop(() => reject(new Problem('bad_request')))
    payload.on('data', onData).on('end', onEnd).on('error', onError).on('close', onError)
  })
}
