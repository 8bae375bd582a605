import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { readDemoShops } from './demo-shops.ts'
import { seedDemo } from './seed-demo.ts'

test('a shop that an admin has closed, or that is being erased, is left as it is, and keeps nothing else from starting', async () => {
  const states = ['suspended', 'erasing', 'suspended']
  const merchants = readDemoShops().map(({ slug }, index) => ({ slug, status: states[index] }))
  const asked: string[] = []
  const platform = createServer((request, response) => {
    asked.push(`${request.headers.host?.split('.')[0]} ${request.method} ${request.url?.split('?')[0]}`)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: 'token', data: merchants, next_cursor: null }))
  })
  await new Promise<void>((resolve) => platform.listen(0, '127.0.0.1', resolve))
  const said: string[] = []
  try {
    const shops = await seedDemo({
      port: (platform.address() as AddressInfo).port,
      baseDomain: 'localhost',
      admin: { email: 'admin@souk.example', password: 'any' },
      staffPassword: 'any',
      payments: {} as never,
      stopping: new AbortController().signal,
      log: (line) => said.push(line),
    })
    expect(shops).toEqual([])
  } finally {
    platform.close()
  }
  expect(said).toEqual(merchants.map(({ slug, status }) => `${slug}: ${status}, and left as it is`))
  expect(asked).toEqual(['platform POST /v1/sessions', 'platform GET /v1/merchants'])
})
