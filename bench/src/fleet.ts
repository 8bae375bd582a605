import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { roleUrl, startTestServer, type TestServerFacts } from '@souk/local-postgres/test-server.ts'
import { migrateFleet } from '@souk/migrations/fleet.ts'
import postgres from 'postgres'

// What it takes to bring many cells to a newer schema: npm run bench:fleet in bench/, FLEET_CELLS of them (60).

const CELLS = Number(process.env.FLEET_CELLS ?? 60)
const PARALLEL = [1, 4, 12]
const CLONES_AT_ONCE = 4

const server = await startTestServer()
const folder = mkdtempSync(join(tmpdir(), 'souk-bench-fleet-'))
try {
  const migrations = new URL('.', import.meta.resolve('@souk/migrations/package.json'))
  for (const set of ['directory', 'cell']) cpSync(new URL(set, migrations), join(folder, set), { recursive: true })
  const { directoryUrl, cells } = await makeFleet(server.facts)
  console.log(
    `${CELLS} cells, two files with an ALTER TABLE each\n\n| at once | total ms | ms a cell |\n| ------: | -------: | --------: |`,
  )
  for (const parallel of PARALLEL) {
    for (const table of ['cart', 'location']) addColumn(table)
    const started = performance.now()
    const { waves } = await migrateFleet({ directoryUrl, cells, parallel, folder: pathToFileURL(`${folder}/`) })
    const ms = performance.now() - started
    if (waves.flat().length !== CELLS) throw new Error(`${waves.flat().length} cells were migrated instead of ${CELLS}.`)
    console.log(`| ${String(parallel).padStart(7)} | ${ms.toFixed(0).padStart(8)} | ${(ms / CELLS).toFixed(1).padStart(9)} |`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
  await server.close()
}

async function makeFleet(facts: TestServerFacts): Promise<{ directoryUrl: string; cells: Record<string, string> }> {
  const admin = postgres(facts.adminUrl, { max: CLONES_AT_ONCE, onnotice: () => {} })
  const database = (name: string) => facts.template.replace(/template$/, name.replace('-', '_'))
  const names = Array.from({ length: CELLS }, (_, index) => `cell-${index + 1}`)
  try {
    await Promise.all(
      ['directory', ...names].map(
        (name) => admin`create database ${admin(database(name))} template ${admin(facts.template)} owner souk_owner strategy wal_log`,
      ),
    )
  } finally {
    await admin.end()
  }
  const directoryUrl = roleUrl(facts, 'souk_owner', database('directory'))
  const directory = postgres(directoryUrl, { max: 1, onnotice: () => {} })
  await directory`insert into platform.cell (name, kind) select name, 'shared' from unnest(${names}::text[]) as name`
  await directory.end()
  return { directoryUrl, cells: Object.fromEntries(names.map((name) => [name, roleUrl(facts, 'souk_owner', database(name))])) }
}

function addColumn(table: string): void {
  const number = readdirSync(join(folder, 'cell')).length + 1
  const name = `${String(number).padStart(4, '0')}_${table}.sql`
  writeFileSync(join(folder, 'cell', name), `alter table ${table} add column bench_${number} text`)
}
