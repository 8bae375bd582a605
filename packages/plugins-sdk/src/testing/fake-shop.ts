import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const CALL_ID = '01930000-0000-7000-8000-000000000001'
const FAILED_ID = '01930000-0000-7000-8000-000000000002'
const INSTALL_ID = '01930000-0000-7000-8000-00000000000a'

export interface SeenRequest {
  method: string
  path: string
  host: string
  key: string
  idempotencyKey: string | undefined
  body: unknown
}

/** The plugin routes of a shop's staff API as apps/api/src/wire/plugin.ts writes them, with two recorded calls. */
export class FakeShop {
  readonly key = 'souk_test_key'
  readonly callId = CALL_ID
  readonly failedId = FAILED_ID
  readonly seen: SeenRequest[] = []
  /** Output of the call that went well. */
  recordedOutput: unknown = { operations: [] }
  readonly #server: Server
  #install: Record<string, unknown> | undefined

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<FakeShop> {
    const server = createServer((request, response) => void shop.#handle(request, response))
    const shop = new FakeShop(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return shop
  }

  /** At a name that only a browser resolves. */
  get url(): string {
    return `http://kaffa.localhost:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const path = request.url ?? ''
    const key = (request.headers.authorization ?? '').replace('Bearer ', '')
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const method = request.method ?? ''
    this.seen.push({
      method,
      path,
      host: request.headers.host ?? '',
      key,
      idempotencyKey: request.headers['idempotency-key'] as string | undefined,
      body,
    })
    const [status, answer] =
      key === this.key ? this.#answer(method, path, body as Record<string, unknown>) : [401, { title: 'Not signed in.' }]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }

  #answer(method: string, path: string, body: Record<string, unknown>): [number, unknown] {
    const at = `${method} ${path.replace(/\?.*/, '')}`
    switch (at) {
      case 'POST /v1/admin/plugins/releases': {
        const { name, version } = body.manifest as { name: string; version: string }
        const digest = createHash('sha256')
          .update(body.bundle as string)
          .digest('hex')
        return [
          201,
          { id: INSTALL_ID, plugin: name, version, digest, manifest: body.manifest, pushed_at: '2027-01-01T00:00:00Z', withdrawn_at: null },
        ]
      }
      case 'GET /v1/admin/plugins/installs':
        return [200, { data: this.#install === undefined ? [] : [this.#install] }]
      case 'POST /v1/admin/plugins/installs':
        if (body.version === '9.9.9')
          return [422, { title: 'No such release.', errors: [{ pointer: '/version', code: 'release_unknown' }] }]
        this.#install = installFrom(body)
        return [201, this.#install]
      case `PATCH /v1/admin/plugins/installs/${INSTALL_ID}`: {
        const { rollout_percent, version, ...changes } = body
        const candidate = rollout_percent === undefined ? null : { version, percent: rollout_percent }
        this.#install = { ...this.#install, ...changes, candidate }
        return [200, this.#install]
      }
      case `GET /v1/admin/plugins/installs/${INSTALL_ID}/calls`:
        return [
          200,
          { data: [listed(FAILED_ID, 'failed'), ...(path.includes('outcome=failed') ? [] : [listed(CALL_ID, 'ok')])], next_cursor: null },
        ]
      case `GET /v1/admin/plugins/calls/${CALL_ID}`:
        return [200, { ...listed(CALL_ID, 'ok'), ...this.#recorded(), output: this.recordedOutput }]
      case `GET /v1/admin/plugins/calls/${FAILED_ID}`:
        return [200, { ...listed(FAILED_ID, 'failed'), ...this.#recorded(), output: null }]
      default:
        return [404, { title: 'Not found.', detail: `There is no ${path}.` }]
    }
  }

  #recorded() {
    // In the order that a database may give members back.
    const input = { lines: [{ quantity: 12, id: 'l1' }] }
    return { contract: 'discount@1', hook: 'run', input, configuration: { percent: '5', quantity: 10 }, logs: [] }
  }
}

function installFrom({ plugin, version, configuration = {}, providers = [{ point: 'discount' }] }: Record<string, unknown>) {
  return {
    id: INSTALL_ID,
    plugin,
    state: 'active',
    version_range: version,
    version: '1.0.0',
    candidate: null,
    last_good_version: null,
    failed_version: null,
    configuration,
    note: '',
    log_all_until: null,
    providers: (providers as object[]).map((provider) => ({ position: 1, failure_policy: 'skip', breaker: 'closed', ...provider })),
    secrets: [],
    updated_at: '2027-01-01T00:00:00Z',
  }
}

function listed(id: string, outcome: 'ok' | 'failed') {
  const [reason, detail] = outcome === 'ok' ? [null, null] : ['threw', 'Error: no such tier']
  return {
    id,
    plugin: 'my-discount',
    version: '1.0.0',
    hook: 'run',
    outcome,
    reason,
    detail,
    cpu_us: 210,
    wall_us: 340,
    called_at: '2027-01-01T10:00:00Z',
  }
}
