import { randomBytes } from 'node:crypto'
import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { ensureRoles, ROLE_NAMES, type RoleName } from '@souk/migrations/roles.ts'
import { migrate } from '@souk/migrations/run.ts'
import postgres from 'postgres'

const DATABASE = 'souk'

/** A durable PostgreSQL cluster with one migrated database in it. */
export class CellServer {
  readonly name: string
  readonly dataDir: string
  readonly #passwords: Record<RoleName, string>
  #server: LocalServer
  #isBeingKilled = false

  private constructor(name: string, dataDir: string, server: LocalServer, passwords: Record<RoleName, string>) {
    this.name = name
    this.dataDir = dataDir
    this.#server = server
    this.#passwords = passwords
  }

  static async start(name: string, dataDir: string): Promise<CellServer> {
    const server = await startServer({ dataDir })
    const passwords = Object.fromEntries(ROLE_NAMES.map((role) => [role, randomBytes(12).toString('hex')])) as Record<RoleName, string>
    await ensureRoles({ adminUrl: server.adminUrl(), database: DATABASE, passwords })
    const cell = new CellServer(name, dataDir, server, passwords)
    await migrate({ url: cell.url('souk_owner') })
    return cell
  }

  get adminUrl(): string {
    return this.#server.adminUrl(DATABASE)
  }

  url(role: RoleName, port = this.#server.port): string {
    return `postgres://${role}:${this.#passwords[role]}@127.0.0.1:${port}/${DATABASE}`
  }

  /** Asks as the administrator, past every policy. */
  async query<Row extends object>(text: TemplateStringsArray, ...values: string[]): Promise<Row[]> {
    const sql = postgres(this.adminUrl, { max: 1, onnotice: () => {} })
    try {
      return (await sql<Row[]>(text, ...values)) as Row[]
    } finally {
      await sql.end()
    }
  }

  runs(): boolean {
    // Not down before all of it is gone: who supervises it must not start it again into its own death.
    return this.#isBeingKilled || this.#server.isRunning()
  }

  /** kill -9 of the whole server. */
  async kill(): Promise<void> {
    this.#isBeingKilled = true
    await this.#server.kill().finally(() => {
      this.#isBeingKilled = false
    })
  }

  /** On the same port, with what it had. */
  async restart(): Promise<void> {
    this.#server = await startServer({ dataDir: this.dataDir, port: this.#server.port })
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }
}
