import { once } from 'node:events'
import { request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttpServer } from '../http-server.ts'
import { Brake, DELAY_MAX_MS } from './brake.ts'
import { EarlyRefusals } from './early-refusals.ts'

const RATE = { per_second: 1, burst: 10 }

describe('the brake', () => {
  it('lets a burst of refusals out at once, and then holds answers for longer and longer', () => {
    const brake = new Brake()
    const delays = Array.from({ length: 25 }, () => brake.delayMs('shop', RATE, 0))
    expect(delays.slice(0, 10)).toEqual(Array(10).fill(0))
    expect(delays[10]).toBe(DELAY_MAX_MS / 10)
    expect(delays.slice(19)).toEqual(Array(6).fill(DELAY_MAX_MS))
    expect(brake.delayMs('neighbour', RATE, 0)).toBe(0)
  })

  it('lets go at the pace of the rate', () => {
    const brake = new Brake()
    for (let n = 0; n < 100; n++) brake.delayMs('shop', RATE, 0)
    expect(brake.delayMs('shop', RATE, 5_000)).toBe((DELAY_MAX_MS * 6) / 10)
    expect(brake.delayMs('shop', RATE, 60_000)).toBe(0)
  })

  it('holds no more than a number of answers, of which one merchant has a part', () => {
    const brake = new Brake()
    const held: (() => void)[] = []
    const rate = { per_second: 1, burst: 1 }
    const hold = (merchant: string) => {
      const delayMs = brake.delayMs(merchant, rate, 0)
      if (delayMs > 0) held.push(brake.hold(merchant, 60_000, () => {}))
      return delayMs > 0
    }
    for (let n = 0; n < 300; n++) hold('one')
    expect(brake.held).toBe(200)
    for (let merchant = 0; merchant < 20; merchant++) for (let n = 0; n < 100; n++) hold(`other-${merchant}`)
    expect(brake.held).toBe(1_000)
    for (const callOff of held) callOff()
    expect(brake.held).toBe(0)
  })
})

describe('a request over the rate', () => {
  let server: Server
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  /** A server that serves /v1/first itself, and then knows its address as that of a shop with no request left. */
  async function serve(): Promise<{ early: EarlyRefusals; served: string[]; ask(path: string, body?: string): Promise<number> }> {
    const served: string[] = []
    const early = new EarlyRefusals({
      emptyOf: () => ({ rate: { per_second: 1, burst: 1 }, waitMs: 900 }),
      onRefused: () => {},
      tell: () => {},
    })
    server = createHttpServer(
      (raw, response) => {
        served.push(raw.url!)
        if (raw.url === '/v1/first') early.remember(raw, 'shop')
        raw.resume().on('end', () => response.end('served'))
      },
      (raw, response) => early.answer(raw, response),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const ask = async (path: string, body = '') => {
      const asked = request({ host: '127.0.0.1', port, path, method: 'POST', headers: { 'content-length': body.length } })
      asked.end(body)
      const [answer] = await once(asked, 'response')
      answer.resume()
      await once(answer, 'end')
      return answer.statusCode as number
    }
    return { early, served, ask }
  }

  it('is refused where the gate refused one before, and nowhere else', async () => {
    const { served, ask } = await serve()
    expect(await ask('/v1/before')).toBe(200)
    expect(await ask('/v1/first')).toBe(200)
    expect(await ask('/v1/after', 'a body that nobody reads')).toBe(429)
    expect(await ask('/docs')).toBe(200)
    expect(served).toEqual(['/v1/before', '/v1/first', '/docs'])
  })

  it('is answered later when there were too many', async () => {
    const { early, ask } = await serve()
    await ask('/v1/first')
    expect(await ask('/v1/again')).toBe(429)
    const waiting = Array.from({ length: 5 }, () => ask('/v1/again'))
    await expect.poll(() => early.figures.held).toBeGreaterThan(0)
    expect(await Promise.all(waiting)).toEqual(Array(5).fill(429))
    expect(early.figures).toEqual({ refused: 6, held: 0 })
  })
})
