import { describe, expect, test } from 'vitest'
import { importsOf, isTest, resolveImport, type SourceFile, sourceTree } from './testing/source-tree.ts'

/**
 * Core's folders and single files in the order they may import each other: from their own line and the lines above it.
 * Stock lies below the catalogue: a variant is made together with its level.
 */
const CORE_ORDER = [
  ['money', 'ids', 'text', 'refusal', 'mine', 'jobs', 'actor', 'capability', 'secret-box', 'events'],
  ['merchant', 'idempotency', 'audit'],
  ['mail'],
  ['webhooks'],
  ['stock'],
  ['catalog'],
  ['imports'],
  ['customers'],
  ['rules'],
  ['taxes', 'shipping'],
  ['pricing'],
  ['promotions'],
  ['plugins'],
  ['quote'],
  ['cart'],
  ['storefront'],
  ['orders'],
  ['ledger'],
  ['gift-cards'],
  ['payments'],
  ['refunds', 'reconciliation'],
  ['fulfillment'],
  ['returns'],
  ['checkout', 'dry-runs', 'accounts', 'notifications'],
  ['pricing-cases'],
]

/** Which of our packages another may import where it runs. Tests may have a database of their own besides. */
const PACKAGE_IMPORTS: Record<string, string[]> = {
  'packages/plugins-sdk': [],
  'packages/public-net': [],
  'packages/plugin-host': ['plugins-sdk', 'public-net'],
  'packages/webhook-sender': ['public-net'],
  'packages/tenant-router': [],
  'packages/core': ['tenant-router', 'plugins-sdk'],
  'packages/platform': ['core', 'tenant-router'],
  'packages/local-postgres': ['migrations'],
  'packages/sandbox-psp': [],
  'packages/payment-providers': ['core'],
  migrations: [],
  'apps/api': ['platform', 'core', 'tenant-router', 'plugin-host', 'payment-providers', 'public-net'],
  // The invariants: it looks at some of them while shops sell.
  'apps/worker': ['platform', 'core', 'tenant-router', 'plugin-host', 'payment-providers', 'webhook-sender', 'migrations'],
  // Migrations over the fleet: those are for the owner of the tables, whom the API does not know.
  'apps/cli': ['migrations'],
  scripts: ['platform', 'core', 'tenant-router', 'migrations', 'local-postgres', 'plugins-sdk', 'sandbox-psp'],
  proofs: ['core', 'tenant-router', 'migrations', 'local-postgres', 'sandbox-psp'],
  bench: ['core', 'tenant-router', 'migrations', 'local-postgres', 'proofs', 'plugin-host', 'sandbox-psp'],
  // Before `examples`, in whose folder they lie: the first that fits is taken.
  'examples/plugins': ['plugins-sdk'],
  examples: [],
}
const CRASH_POINT_FILES = ['@souk/tenant-router/crash-point.ts', '@souk/tenant-router/use-case.ts']
const TEST_IMPORTS = ['local-postgres', 'migrations', 'tenant-router', 'core', 'sandbox-psp']

/** Clients whose commits pass crash points in another way, or that commit nothing of a use case. */
const COMMITS_ELSEWHERE: Record<string, string> = {
  'packages/tenant-router/src/cell-pool.ts': 'the door passes them: door.ts',
  'packages/tenant-router/src/moves/mover.ts': 'moves have points of their own',
  'packages/tenant-router/src/moves/streams.ts': 'moves have points of their own',
  'packages/tenant-router/src/moves/cell-sides.ts': 'moves have points of their own',
  'packages/tenant-router/src/directory.ts': 'reads, and listens',
  'packages/tenant-router/src/boot-check.ts': 'reads',
  'packages/platform/src/ask-cell.ts': 'reads',
  'packages/platform/src/merchant-life/export-from-copy.ts': 'reads a restored copy',
  'packages/tenant-router/src/process-report.ts': 'a heartbeat',
  'apps/worker/src/queue-pool.ts': 'the queue’s own: the commit that ends a job passes them in run-job.ts',
}

const STRANGERS_TO_CORE = ['fastify', 'graphile-worker', 'isolated-vm', 'postgres', 'pino', 'pg']
const LINES_MAX = 400
const NAMES_THAT_SAY_NOTHING = ['service', 'services', 'util', 'utils', 'helper', 'helpers', 'common', 'types', 'index']

interface SourceLaw {
  name: string
  violation(file: SourceFile): string | undefined
  /** A file that breaks the law, and one beside it that does not. */
  broken: SourceFile[]
  kept: SourceFile[]
}

const core = (path: string, text: string): SourceFile => ({ path: `packages/core/src/${path}`, text })

const IMPORT_LAWS: SourceLaw[] = [
  {
    name: 'inside core imports run downwards only',
    violation: (file) => {
      const here = coreLevel(file.path)
      if (here === undefined || isTest(file.path)) return undefined
      if (here < 0) return 'is in no line of CORE_ORDER'
      return firstOf(relativeImports(file), (target) => {
        const there = coreLevel(target)
        return there !== undefined && there > here ? `imports ${target} from above` : undefined
      })
    },
    broken: [
      core('cart/add-line.ts', `import { placeOrder } from '../orders/place-order.ts'`),
      core('money.ts', `import type { Cart } from './cart/cart.ts'`),
      core('pricing/price.ts', `import {\n  one,\n  other,\n} from '../checkout/checkout.ts'`),
      core('gifts/gift.ts', ''),
    ],
    kept: [
      core('checkout/checkout.ts', `import { placeOrder } from '../orders/place-order.ts'\nimport { Refusal } from '../refusal.ts'`),
      core('cart/cart.test.ts', `import { placeOrder } from '../orders/place-order.ts'`),
    ],
  },
  {
    name: 'core knows no server, no queue, no sandbox, no driver and no logger',
    violation: (file) =>
      isCore(file.path)
        ? firstOf(importsOf(file), ({ from }) => (STRANGERS_TO_CORE.some((name) => isPackage(from, name)) ? `imports ${from}` : undefined))
        : undefined,
    broken: [
      core('cart/cart.ts', `import Fastify from 'fastify'`),
      core('cart/cart.ts', `import type { Logger } from 'pino'`),
      core('cart/cart.ts', `import { drizzle } from 'drizzle-orm/postgres-js'\nimport postgres from 'postgres'`),
    ],
    kept: [core('cart/cart.ts', `import { eq } from 'drizzle-orm'`), core('cart/cart.test.ts', `import postgres from 'postgres'`)],
  },
  {
    name: 'the rules engine is known to rules/reference-engine.ts alone',
    violation: (file) =>
      !isTest(file.path) &&
      file.path !== 'packages/core/src/rules/reference-engine.ts' &&
      importsOf(file).some(({ from }) => isPackage(from, 'json-rules-engine'))
        ? 'imports json-rules-engine'
        : undefined,
    broken: [core('cart/cart.ts', `import { Engine } from 'json-rules-engine'`)],
    kept: [core('rules/reference-engine.ts', `import { Engine } from 'json-rules-engine'`)],
  },
  {
    name: 'core takes only types from the door and from the SDK, and the crash points they share',
    violation: (file) =>
      isCore(file.path)
        ? firstOf(importsOf(file), ({ from, typeOnly }) =>
            from.startsWith('@souk/') && !CRASH_POINT_FILES.includes(from) && !typeOnly ? `imports ${from} at run time` : undefined,
          )
        : undefined,
    broken: [core('cart/cart.ts', `import { Router } from '@souk/tenant-router/router.ts'`)],
    kept: [
      core('cart/cart.ts', `import type { Tx } from '@souk/tenant-router/tx.ts'`),
      core('cart/cart.ts', `import { type Query, type Tx } from '@souk/tenant-router/tx.ts'`),
      core('cart/cart.ts', `import { crashPoint } from '@souk/tenant-router/crash-point.ts'`),
      core('cart/cart.ts', `import { callingOut } from '@souk/tenant-router/use-case.ts'`),
    ],
  },
  {
    name: 'a package imports only what lies below it, and nobody imports an app',
    violation: (file) => {
      const here = packageOf(file.path)
      if (here === undefined) return 'is in no package of PACKAGE_IMPORTS'
      const allowed = [...PACKAGE_IMPORTS[here]!, ...(isTest(file.path) ? TEST_IMPORTS : []), here.split('/').at(-1)!]
      return firstOf(importsOf(file), ({ from }) => {
        const name = /^@souk\/([^/]+)/.exec(from)?.[1]
        return name !== undefined && !allowed.includes(name) ? `imports ${from}` : undefined
      })
    },
    broken: [
      { path: 'packages/tenant-router/src/door.ts', text: `import { mine } from '@souk/core/mine.ts'` },
      { path: 'apps/worker/src/main.ts', text: `import { routes } from '@souk/api/routes.ts'` },
      { path: 'apps/api/src/main.ts', text: `import { migrate } from '@souk/migrations/run.ts'` },
      { path: 'packages/platform/src/domains.ts', text: `import { Problem } from '@souk/api/errors.ts'` },
      core('merchant/provision.ts', `import type { Cells } from '@souk/platform/cells.ts'`),
      { path: 'packages/of-nobody/src/main.ts', text: '' },
    ],
    kept: [
      { path: 'apps/api/src/main.test.ts', text: `import { createTestDatabase } from '@souk/local-postgres/test-database.ts'` },
      { path: 'apps/api/src/main.ts', text: `import { Cells } from '@souk/platform/cells.ts'` },
    ],
  },
  {
    name: 'a relative import stays in its package and names the file with its ending',
    violation: (file) =>
      firstOf(
        importsOf(file).filter(({ from }) => from.startsWith('.')),
        ({ from }) => {
          if (!/\.(ts|mjs|json)$/.test(from)) return `imports ${from} without its ending`
          return packageOf(resolveImport(file, from)) !== packageOf(file.path) ? `imports ${from} of another package` : undefined
        },
      ),
    broken: [
      core('cart/cart.ts', `import { x } from './line'`),
      core('cart/cart.ts', `import { x } from '../../../tenant-router/src/door.ts'`),
    ],
    kept: [core('cart/cart.ts', `import { x } from './line.ts'`)],
  },
]

const FILE_LAWS: SourceLaw[] = [
  {
    name: 'whoever opens a client of a database has its commits pass crash points, or says here why not',
    violation: (file) =>
      /^(packages\/(core|platform|tenant-router)|apps\/(api|worker))\/src\//.test(file.path) &&
      !isTest(file.path) &&
      !file.path.includes('/testing/') &&
      /(?<![.\w^])postgres\(|new Pool\(/.test(withoutComments(file)) &&
      !withoutComments(file).includes('tellCommits(') &&
      !(file.path in COMMITS_ELSEWHERE)
        ? 'opens a client and does not tell its commits'
        : undefined,
    broken: [{ path: 'packages/platform/src/other.ts', text: 'const sql = postgres(url)' }],
    kept: [
      { path: 'packages/platform/src/other.ts', text: 'const sql = tellCommits(postgres(url))' },
      { path: 'packages/platform/src/other.test.ts', text: 'const sql = postgres(url)' },
    ],
  },
  {
    name: `a source file is shorter than ${LINES_MAX} lines`,
    violation: (file) => {
      const lines = file.text.split('\n').length
      return !file.path.endsWith('.sql') && lines > LINES_MAX ? `has ${lines} lines` : undefined
    },
    broken: [core('cart/cart.ts', 'x\n'.repeat(LINES_MAX + 1))],
    kept: [core('cart/cart.ts', 'x\n'.repeat(LINES_MAX - 1))],
  },
  {
    name: 'a file is named for what it does',
    violation: (file) => {
      const name = file.path.split('/').at(-1)!.replace(/\..*$/, '')
      return name.split('-').some((word) => NAMES_THAT_SAY_NOTHING.includes(word)) ? 'says nothing by its name' : undefined
    },
    broken: ['index.ts', 'cart/cart-service.ts', 'helpers.ts', 'cart/utils.test.ts', 'cart/types.ts'].map((path) => core(path, '')),
    kept: [core('cart/serviceable.ts', '')],
  },
  {
    name: 'nothing is exported by default, and nothing is passed on from another file',
    violation: (file) => {
      if (/\.config\.ts$/.test(file.path)) return undefined
      if (/^export default\b|^export \{[^}]*\bas default\b/m.test(file.text)) return 'exports by default'
      return /^export\s+(type\s+)?(\*|\{[^}]*\})\s*from\b/m.test(file.text) ? 'passes on exports of another file' : undefined
    },
    broken: [
      core('cart/cart.ts', 'export default 1'),
      core('cart/cart.ts', `export * from './line.ts'`),
      core('cart/cart.ts', `export { line } from './line.ts'`),
      core('cart/cart.ts', `export type { Line } from './line.ts'`),
    ],
    kept: [{ path: 'packages/core/vitest.config.ts', text: 'export default 1' }],
  },
  {
    name: 'the environment is read in the config.ts of a process, to which its entry hands it whole, in scripts and in tests',
    violation: (file) => {
      const mayRead =
        /^(apps\/[^/]+|packages\/sandbox-psp)\/src\/config\.ts$|^(scripts|packages\/local-postgres)\//.test(file.path) || isTest(file.path)
      const handedOver = /^(apps\/[^/]+|packages\/sandbox-psp)\/src\/[^/]+\.ts$/.test(file.path)
        ? /\bprocess\.env\b(?!\))/
        : /\bprocess\.env\b/
      return !mayRead && handedOver.test(withoutComments(file)) ? 'reads process.env' : undefined
    },
    broken: [
      core('cart/cart.ts', 'const x = process.env.X'),
      { path: 'apps/api/src/server.ts', text: 'const { X } = process.env' },
      { path: 'apps/api/src/routes/carts.ts', text: 'readConfig(process.env)' },
    ],
    kept: [
      { path: 'apps/api/src/config.ts', text: 'process.env.PORT' },
      { path: 'apps/api/src/main.ts', text: 'readConfig(process.env)' },
      { path: 'scripts/start.ts', text: 'process.env.PORT' },
      core('cart/cart.ts', '// process.env is read elsewhere'),
    ],
  },
  {
    name: 'pitfall 17: nothing is set for a whole session: it would stay for the next merchant on that connection',
    violation: (file) => {
      // The migrator's connection is its own and ends with it.
      if (isTest(file.path) || file.path === 'migrations/run.ts') return undefined
      const text = withoutComments(file)
      if (/set_config\s*\((?:[^()]|\([^()]*\))*,\s*false\s*\)/i.test(text)) return 'calls set_config for the session'
      if (/\bset\s+session\b/i.test(text)) return 'says SET SESSION'
      const statement = file.path.endsWith('.sql')
        ? /(?:^|;)\s*(?:set|SET)\s+(?!local\b)(\w+)/
        : /[`'";]\s*(?:set|SET)\s+(?!local\b)[\w.]+\s*(?:=|\bto\b|\bTO\b)\s*\S/
      return statement.test(text) ? 'says SET without LOCAL' : undefined
    },
    broken: [
      core('cart/cart.ts', `await tx.sql\`select set_config('app.merchant_id', \${id}, false)\``),
      core('cart/cart.ts', `await tx.sql\`select set_config('app.merchant_id', lower('x'), FALSE)\``),
      core('cart/cart.ts', `await sql.unsafe('set session statement_timeout = 0')`),
      core('cart/cart.ts', `await sql.unsafe("set app.merchant_id = 'x'")`),
      core('cart/cart.ts', 'await sql.unsafe(`begin; set statement_timeout to 0`)'),
      { path: 'migrations/cell/0099_mutant.sql', text: `create table x ();\nset search_path = public;` },
    ],
    kept: [
      core('cart/cart.ts', `await tx.sql\`select set_config('app.x', 'y', true)\``),
      core('cart/cart.ts', 'await tx.sql`set local statement_timeout = 0`'),
      core('cart/cart.ts', 'await tx.sql`update cart set status = 1`'),
      {
        path: 'migrations/cell/0099_kept.sql',
        text: `set local role souk_queue;\ncreate function f() returns int language sql\n  set search_path = pg_catalog\n  as ''`,
      },
    ],
  },
]

const tree = sourceTree()

describe.each([...IMPORT_LAWS, ...FILE_LAWS])('law: $name', (law) => {
  test('holds', () => {
    expect(tree.flatMap((file) => law.violation(file)?.replace(/^/, `${file.path} `) ?? [])).toEqual([])
  })

  test.each(law.broken)('is broken by $path: $text', (file) => {
    expect(law.violation(file)).toBeDefined()
  })

  test.each(law.kept)('is kept by $path: $text', (file) => {
    expect(law.violation(file)).toBeUndefined()
  })
})

test('the whole tree was read', () => {
  for (const folder of [
    'apps/api/src/',
    'apps/worker/src/',
    'packages/tenant-router/src/',
    'packages/core/src/',
    'packages/platform/src/',
    'migrations/cell/',
    'scripts/',
  ]) {
    expect(tree.filter((file) => file.path.startsWith(folder)).length, folder).toBeGreaterThan(3)
  }
  expect(tree.some((file) => file.path.includes('node_modules'))).toBe(false)
})

function isCore(path: string): boolean {
  return path.startsWith('packages/core/src/') && !isTest(path)
}

/** The line of CORE_ORDER that a path belongs to; -1 for one of core that is in none, undefined for one outside. */
function coreLevel(path: string): number | undefined {
  const name = /^packages\/core\/src\/([^/.]+)/.exec(path)?.[1]
  return name === undefined ? undefined : CORE_ORDER.findIndex((names) => names.includes(name))
}

function packageOf(path: string): string | undefined {
  return Object.keys(PACKAGE_IMPORTS).find((folder) => path.startsWith(`${folder}/`))
}

function isPackage(from: string, name: string): boolean {
  return from === name || from.startsWith(`${name}/`)
}

function relativeImports(file: SourceFile): string[] {
  return importsOf(file)
    .filter(({ from }) => from.startsWith('.'))
    .map(({ from }) => resolveImport(file, from))
}

function withoutComments(file: SourceFile): string {
  return file.path.endsWith('.sql')
    ? file.text.replaceAll(/--.*$/gm, '')
    : file.text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

function firstOf<Item>(items: Item[], check: (item: Item) => string | undefined): string | undefined {
  return items.map(check).find((found) => found !== undefined)
}
