import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { choosePorts, readPort } from './ports.ts'

let holder: Server | undefined
afterEach(() => holder?.close())

test('a port in use is refused with the command that gets round it', async () => {
  const port = await new Promise<number>((resolve) => {
    holder = createServer().listen(0, '127.0.0.1', () => {
      const address = holder?.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
  await expect(choosePorts(String(port))).rejects.toThrow(new RegExp(`Port ${port} is in use.*PORT=\\d+ npm start`))
})

test('the four ports differ', async () => {
  const free = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
  const ports = await choosePorts(String(free))
  expect(ports.api).toBe(free)
  expect(new Set(Object.values(ports)).size).toBe(4)
})

test('4000 unless told otherwise, and nothing that is not a port', () => {
  expect(readPort(undefined)).toBe(4000)
  expect(readPort('')).toBe(4000)
  for (const wrong of ['http', '0', '65536', '40.5', '-1']) expect(() => readPort(wrong)).toThrow('PORT is')
})
