import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { runSouk } from '../souk.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/souk.js', import.meta.url))

/** As the platform answers it. */
export const MERCHANT = {
  id: '01a1ffc5-a882-71a8-bd95-56bec8dad4a4',
  slug: 'acme',
  name: 'Acme',
  status: 'active',
  cell: 'shared-1',
  url: 'http://acme.localhost',
}

export interface Ran {
  code: number | null
  out: string
  err: string
}

export interface Heard {
  method: string
  path: string
  body: unknown
  token: string | undefined
}

type Says = (asked: Heard) => { status?: number; body: unknown; headers?: Record<string, string> }

/** The program, and a platform that says what the test wants to hear. */
export class SoukTest {
  readonly heard: Heard[] = []
  /** Answers by method and path, without the query. */
  answers: Record<string, Says> = {}
  readonly home = mkdtempSync(join(tmpdir(), 'souk-cli-'))
  readonly #server = createServer(async (request, response) => {
    const asked = await read(request)
    this.heard.push(asked)
    const says = this.answers[`${asked.method} ${asked.path.split('?')[0]}`]
    const { status = 200, body, headers } = says?.(asked) ?? { status: 404, body: { title: 'Not found' } }
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  })

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.answers['POST /v1/sessions'] = ({ body }) =>
      (body as { password: string }).password === 'right'
        ? { body: { access_token: `token ${this.heard.length}`, token_type: 'Bearer', expires_in: 600 } }
        : { status: 401, body: { title: 'Invalid credentials', detail: 'There is no account with this e-mail address and password.' } }
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
    rmSync(this.home, { recursive: true, force: true })
  }

  get url(): string {
    return `http://platform.localhost:${(this.#server.address() as AddressInfo).port}`
  }

  /** In this process, as a program would be run: what it prints, and the code it ends with. */
  async run(typed: string[], more: Record<string, string> = {}): Promise<Ran> {
    for (const [name, value] of Object.entries({ ...this.environment(), ...more })) vi.stubEnv(name, value)
    const [out, err]: string[][] = [[], []]
    vi.spyOn(console, 'log').mockImplementation((line: unknown) => void out!.push(`${String(line)}\n`))
    vi.spyOn(console, 'error').mockImplementation((line: unknown) => void err!.push(`${String(line)}\n`))
    try {
      const code = await runSouk(typed)
      return { code, out: out!.join(''), err: err!.join('') }
    } finally {
      vi.restoreAllMocks()
      vi.unstubAllEnvs()
    }
  }

  /** As a process of its own. */
  async spawn(typed: string[], more: Record<string, string> = {}): Promise<Ran> {
    const child = spawn(process.execPath, [PROGRAM, ...typed], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...this.environment(), ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, out, err }
  }

  environment(): Record<string, string> {
    return {
      HOME: this.home,
      XDG_STATE_HOME: this.home,
      SHELL: '/bin/bash',
      SOUK_API: this.url,
      SOUK_ADMIN_EMAIL: 'admin@souk.example',
      SOUK_ADMIN_PASSWORD: 'right',
    }
  }
}

async function read(request: IncomingMessage): Promise<Heard> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return {
    method: request.method!,
    path: request.url!,
    body: text === '' ? undefined : JSON.parse(text),
    token: request.headers.authorization,
  }
}
