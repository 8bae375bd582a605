import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Settings } from './config.ts'
import { type Answered, type Asked, type Json, send, sendForFile } from './http.ts'
import { PlainError } from './plain-error.ts'

export interface Credentials {
  email: string
  password: string
}

interface KeptToken {
  api: string
  email: string | undefined
  token: string
  expiresAt: number
}

const TOKEN_MARGIN_MS = 30_000
const BUSY_RETRIES = 5
const BUSY_PAUSE_MS = 1_000

/** The platform API as an admin. Signs in when it has to, also in the middle of something that takes longer than a token lives. */
export class Platform {
  readonly #settings: Settings
  readonly #ask: (email: string | undefined) => Promise<Credentials>
  #token: KeptToken | undefined
  #credentials: Credentials | undefined
  #aheadMs = 0

  constructor(settings: Settings, ask: (email: string | undefined) => Promise<Credentials>) {
    this.#settings = settings
    this.#ask = ask
    this.#token = readToken(settings)
  }

  async get<T = Json>(path: string): Promise<T> {
    return this.#call<T>({ method: 'GET', path })
  }

  async post<T = Json>(path: string, body?: Json, idempotencyKey?: string): Promise<T> {
    return this.#call<T>({ method: 'POST', path, body, idempotencyKey })
  }

  async patch<T = Json>(path: string, body: Json): Promise<T> {
    return this.#call<T>({ method: 'PATCH', path, body })
  }

  async delete(path: string): Promise<void> {
    await this.#call({ method: 'DELETE', path })
  }

  /** Writes what is there into a new file, and answers its SHA-256. */
  async fetch(path: string, file: string): Promise<string> {
    if (!this.#isFresh()) await this.signIn()
    const fetched = await sendForFile(this.#settings.api, { method: 'GET', path, token: this.#token?.token }, file)
    if ('sha256' in fetched) return fetched.sha256
    throw refused(fetched)
  }

  /** All entries of a list that comes in pages, up to a number. */
  async list<T = Json>(path: string, atMost: number): Promise<T[]> {
    const found: T[] = []
    let cursor: string | null = null
    do {
      const separator = path.includes('?') ? '&' : '?'
      const limit = Math.min(100, atMost - found.length)
      const page: { data: T[]; next_cursor?: string | null } = await this.get(
        `${path}${separator}limit=${limit}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      )
      found.push(...page.data)
      cursor = page.next_cursor ?? null
    } while (cursor !== null && found.length < atMost)
    return found
  }

  /** Whether a request can be made without asking anybody: for completion, which has nobody to ask. */
  get signedIn(): boolean {
    return this.#isFresh() || (this.#settings.email !== undefined && this.#settings.password !== undefined)
  }

  /** How far the platform's clock is ahead of the one here: what it tells of moments is by its own. */
  get aheadMs(): number {
    return this.#aheadMs
  }

  async signIn(): Promise<void> {
    const { email, password } = this.#settings
    this.#credentials ??= email !== undefined && password !== undefined ? { email, password } : await this.#ask(email)
    const answer = await send(this.#settings.api, { method: 'POST', path: '/v1/sessions', body: { ...this.#credentials } })
    if (answer.status !== 200) throw refused(answer)
    const { access_token: token, expires_in: seconds } = answer.body as { access_token: string; expires_in: number }
    this.#token = { api: this.#settings.api.origin, email: this.#credentials.email, token, expiresAt: Date.now() + seconds * 1_000 }
    keepToken(this.#settings.tokenFile, this.#token)
  }

  /** Sets the password of whoever the token was given to: nobody has to be signed in for that. */
  async setPassword(token: string, password: string): Promise<void> {
    const answer = await send(this.#settings.api, { method: 'POST', path: '/v1/password', body: { token, password } })
    if (answer.status >= 300) throw refused(answer)
  }

  /** Sets another password over the present one, which is asked for even if a token would do. */
  async changePassword(password: string): Promise<void> {
    await this.signIn()
    await this.#call({ method: 'POST', path: '/v1/me/password', body: { current_password: this.#credentials!.password, password } })
  }

  async #call<T>(asked: Asked): Promise<T> {
    if (!this.#isFresh()) await this.signIn()
    let answer = await this.#sendPatiently(asked)
    if (answer.status === 401) {
      await this.signIn()
      answer = await this.#sendPatiently(asked)
    }
    if (answer.status >= 300) throw refused(answer)
    return answer.body as T
  }

  /** 503 and 429 say that nothing was done and that it may be tried again. */
  async #sendPatiently(asked: Asked): Promise<Answered> {
    for (let tries = 0; ; tries += 1) {
      const answer = await send(this.#settings.api, { ...asked, token: this.#token?.token })
      this.#aheadMs = answer.at.getTime() - Date.now()
      const isBusy = answer.status === 429 || (answer.status === 503 && asked.method === 'GET')
      if (!isBusy || tries === BUSY_RETRIES) return answer
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS))
    }
  }

  #isFresh(): boolean {
    return this.#token !== undefined && this.#token.expiresAt > Date.now() + TOKEN_MARGIN_MS
  }
}

/** A problem document (RFC 9457) in a sentence or two. */
function refused({ status, body }: Answered): PlainError {
  const {
    title,
    detail,
    errors,
    findings,
    request_id: request,
  } = body as {
    title?: string
    detail?: string
    errors?: { pointer?: string; code?: string; detail?: string }[]
    findings?: { check: string; outcome: string; detail: string }[]
    request_id?: string
  }
  const lines = [[title ?? `The platform answered ${status}`, detail].filter(Boolean).join(': ')]
  for (const error of errors ?? []) lines.push(`  ${placeOf(error.pointer)}: ${error.detail ?? error.code ?? ''}`)
  for (const found of findings ?? [])
    if (found.outcome !== 'passed') lines.push(`  ${found.outcome.padEnd(7)} ${found.check}: ${found.detail}`)
  if (status >= 500 && request) lines.push(`  Request ${request}, in the log of the API.`)
  return new PlainError(lines.join('\n'), 'failure', { status, ...body })
}

/** `to_cell` for `/to_cell`, `cell` for `/querystring/cell`: where it was in the request is nobody's concern here. */
function placeOf(pointer = ''): string {
  return pointer.replace(/^\/(params\/|querystring\/)?/, '') || 'request'
}

function readToken({ api, email, tokenFile }: Settings): KeptToken | undefined {
  try {
    const kept = JSON.parse(readFileSync(tokenFile, 'utf8')) as KeptToken
    return kept.api === api.origin && (email === undefined || kept.email === email) ? kept : undefined
  } catch {
    return undefined
  }
}

function keepToken(file: string, token: KeptToken): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, JSON.stringify(token), { mode: 0o600 })
    chmodSync(file, 0o600)
  } catch {
    // A home that cannot be written to costs another sign-in the next time, no more.
  }
}
