import { randomBytes } from 'node:crypto'
import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { ensureRoles, ROLE_NAMES, type RoleName } from '@souk/migrations/roles.ts'
import { migrate } from '@souk/migrations/run.ts'
import postgres from 'postgres'

const DATABASE = 'souk'

/** A durable PostgreSQL server, which may hold several cells. */
class Server {
  readonly dataDir: string
  readonly passwords = Object.fromEntries(ROLE_NAMES.map((role) => [role, randomBytes(12).toString('hex')])) as Record<RoleName, string>
  #local: LocalServer
  #isBeingKilled = false
  #restarting: Promise<void> | undefined

  constructor(dataDir: string, local: LocalServer) {
    this.dataDir = dataDir
    this.#local = local
  }

  get port(): number {
    return this.#local.port
  }

  adminUrl(database?: string): string {
    return this.#local.adminUrl(database)
  }

  runs(): boolean {
    // Not down before all of it is gone: who supervises it must not start it again into its own death.
    return this.#isBeingKilled || this.#local.isRunning()
  }

  async kill(): Promise<void> {
    this.#isBeingKilled = true
    await this.#local.kill().finally(() => {
      this.#isBeingKilled = false
    })
  }

  /** Once at a time, for all cells in it. */
  async restart(): Promise<void> {
    this.#restarting ??= startServer({ dataDir: this.dataDir, port: this.port })
      .then((local) => {
        this.#local = local
      })
      .finally(() => {
        this.#restarting = undefined
      })
    await this.#restarting
  }

  async stop(): Promise<void> {
    await this.#local.stop()
  }
}

/** One migrated database: of a durable PostgreSQL cluster of its own, or of another cell's. */
export class CellServer {
  readonly name: string
  readonly #server: Server
  readonly #database: string

  private constructor(name: string, server: Server, database: string) {
    this.name = name
    this.#server = server
    this.#database = database
  }

  static async start(name: string, dataDir: string): Promise<CellServer> {
    return CellServer.#prepare(name, new Server(dataDir, await startServer({ dataDir })), DATABASE)
  }

  /** A cell in a further database of another one's server. */
  static async beside(cell: CellServer, name: string): Promise<CellServer> {
    return CellServer.#prepare(name, cell.#server, `${DATABASE}_${name.replaceAll('-', '_')}`)
  }

  static async #prepare(name: string, server: Server, database: string): Promise<CellServer> {
    await ensureRoles({ adminUrl: server.adminUrl(), database, passwords: server.passwords })
    const cell = new CellServer(name, server, database)
    await migrate({ url: cell.url('souk_owner') })
    return cell
  }

  get dataDir(): string {
    return this.#server.dataDir
  }

  get adminUrl(): string {
    return this.#server.adminUrl(this.#database)
  }

  url(role: RoleName, port = this.#server.port): string {
    return `postgres://${role}:${this.#server.passwords[role]}@127.0.0.1:${port}/${this.#database}`
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
    return this.#server.runs()
  }

  /** kill -9 of the whole server. */
  async kill(): Promise<void> {
    await this.#server.kill()
  }

  /** On the same port, with what it had. */
  async restart(): Promise<void> {
    await this.#server.restart()
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }
}
