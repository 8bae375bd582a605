import type { RouteOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { buildServer } from './server.ts'
import { createTestApi, type TestApi } from './testing/api.ts'

let api: TestApi
// biome-ignore lint/suspicious/noExplicitAny: a document of free form is what is under test
let document: any

beforeAll(async () => {
  api = await createTestApi()
  document = (await api.call('anything.localhost', { url: '/openapi.json' })).body
})
afterAll(() => api.close())

const operations = () =>
  Object.entries(document.paths as Record<string, Record<string, unknown>>).flatMap(([path, methods]) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation: operation as any })),
  )

describe('the description of the API', () => {
  it('is OpenAPI 3.1 and names every route there is, each once', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    const described = operations().map(({ method, path }) => `${method} ${path}`)
    const served = api.routes
      .filter((route) => !route.url.startsWith('/docs'))
      .flatMap((route) => [route.method].flat().map((method) => `${method} ${route.url.replaceAll(/:([a-z_]+)/g, '{$1}')}`))
      .filter((route) => !route.startsWith('HEAD '))
    expect(described.sort()).toEqual(served.sort())
    const ids = operations().map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('describes every answer: a success with a schema, and the problems', () => {
    for (const { method, path, operation } of operations()) {
      const statuses = Object.keys(operation.responses)
      const name = `${method} ${path}`
      expect(
        statuses.some((status) => status.startsWith('2')),
        name,
      ).toBe(true)
      expect(statuses, name).toContain('400')
      expect(operation.summary, name).toBeTruthy()
      for (const status of statuses) {
        const response = operation.responses[status]
        expect(response.description, `${name} ${status}`).toBeTruthy()
        const type = status.startsWith('2') ? 'application/json' : 'application/problem+json'
        if (status !== '204') expect(response.content[type]?.schema, `${name} ${status}`).toBeTruthy()
      }
    }
  })

  it('says which credentials a route takes, and which scopes', () => {
    for (const { path, method, operation } of operations()) {
      const route = api.routes.find((candidate) => candidate.method === method && candidate.url.replaceAll(/:([a-z_]+)/g, '{$1}') === path)
      const { gate, scopes = [], capability, customer, idempotency } = route!.config!
      const expected =
        customer === 'required'
          ? [{ customer_token: [] }]
          : capability
            ? [{ [`${capability}_token`]: [] }]
            : gate === 'staff' || gate === 'platform'
              ? [{ access_token: scopes }]
              : []
      expect(operation.security, path).toEqual(expected)
      const header = (operation.parameters ?? []).find((parameter: { name: string }) => parameter.name === 'Idempotency-Key')
      expect(header?.required ?? (header ? false : undefined), path).toBe(
        idempotency === undefined ? undefined : idempotency === 'required',
      )
    }
  })

  it('points at nothing that is not there, and lists nothing that nobody points at', () => {
    const text = JSON.stringify(document)
    const pointed = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name))
    expect([...pointed].sort()).toEqual(Object.keys(document.components.schemas).sort())
  })

  it('has no part that says nothing', () => {
    const empty: string[] = []
    const visit = (value: unknown, at: string) => {
      if (typeof value !== 'object' || value === null) return
      for (const [key, member] of Object.entries(value)) {
        const here = `${at}/${key}`
        // Free-form members: what an event or a job carries, and this very document.
        const free = /\/(data|actor|payload)\/|openapi\.json|~1media/.test(here)
        if (['schema', 'items'].includes(key) && !free && Object.keys(member as object).length === 0) empty.push(here)
        visit(member, here)
      }
    }
    visit(document, '')
    expect(empty).toEqual([])
  })

  it('is readable without the internet', async () => {
    const page = await api.app.inject({ url: '/docs/', headers: { host: 'localhost' } })
    expect(page.statusCode).toBe(200)
    const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source!)
    expect(sources.length).toBeGreaterThan(3)
    for (const source of sources) {
      expect(source).not.toMatch(/^(https?:)?\/\//)
      const asset = await api.app.inject({ url: new URL(source, 'http://localhost/docs/').pathname, headers: { host: 'localhost' } })
      expect(asset.statusCode, source).toBe(200)
    }
    const initializer = await api.app.inject({ url: '/docs/json', headers: { host: 'localhost' } })
    expect(initializer.json().openapi).toBe(document.openapi)
  })
})

describe('a route that forgets something', () => {
  const ok = { 200: z.object({}) }
  it.each([
    ['its gate', { url: '/v1/forgetful', schema: { response: ok } }, 'declares no gate'],
    ['its scopes', { url: '/v1/forgetful', config: { gate: 'staff' as const }, schema: { response: ok } }, 'declares no scopes'],
    [
      'its parameters',
      { url: '/v1/forgetful/:id', config: { gate: 'store' as const }, schema: { response: ok } },
      'does not check its parameters',
    ],
    ['its answers', { url: '/v1/forgetful', config: { gate: 'store' as const }, schema: {} }, 'does not describe its answers'],
  ])('%s stops the process at its start', async (_name, route, message) => {
    const addRoute = (app: TestApi['app']) => {
      app.route({ method: 'GET', handler: async () => ({}), ...route } as RouteOptions)
    }
    await expect(buildServer({ ...api.options, extraRoutes: addRoute })).rejects.toThrow(message)
  })

  it('or none: every route of this server declared itself', () => {
    for (const route of api.routes) expect(route.config?.gate, `${String(route.method)} ${route.url}`).toBeDefined()
  })
})
