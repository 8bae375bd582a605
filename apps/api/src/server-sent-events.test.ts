import { connect, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sendStream, sse } from './server-sent-events.ts'

const PATIENCE = { slowAfterMs: 300, checkedEveryMs: 50 }
/** More than the buffers of a connection hold. */
const CHUNK = sse({ data: 'x'.repeat(256 * 1024) })

let app: FastifyInstance
const sockets: Socket[] = []
const ended: string[] = []

/** As much as is taken, for ever. */
async function* endless(reader: string): AsyncGenerator<string> {
  try {
    for (;;) {
      await new Promise(setImmediate)
      yield CHUNK
    }
  } finally {
    ended.push(`${reader}: no more is made`)
  }
}

beforeAll(async () => {
  app = Fastify()
  app.get<{ Params: { reader: string } }>('/:reader', ({ params: { reader } }, reply) =>
    sendStream(reply, { close: () => void ended.push(`${reader}: unsubscribed`) }, endless(reader), PATIENCE),
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await app.close()
})

function open(reader: string): Socket {
  const { port } = app.server.address() as { port: number }
  const socket = connect({ host: '127.0.0.1', port })
  sockets.push(socket)
  socket.on('error', () => {})
  socket.write(`GET /${reader} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  return socket
}

it('hangs up on a client that does not take what is sent, and goes on with one that does', async () => {
  let taken = 0
  open('eager').on('data', (piece: Buffer) => {
    taken += piece.length
  })
  open('slow').pause()
  await expect.poll(() => ended.toSorted()).toEqual(['slow: no more is made', 'slow: unsubscribed'])
  const before = taken
  await expect.poll(() => taken).toBeGreaterThan(before + CHUNK.length)
  expect(ended.filter((told) => told.startsWith('eager'))).toEqual([])
})
