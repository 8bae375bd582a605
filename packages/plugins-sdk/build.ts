import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

// Builds what is published: dist/. The published entry points are listed here and nowhere else; inside this repository other packages
// import the sources. The sandbox of packages/plugin-host is bundled as it is, so that an author tests with what a shop runs.

interface Entry {
  /** The names it exports, by the source file that defines them. */
  values: Record<string, string[]>
  types: Record<string, string[]>
}

const ENTRIES: Record<string, Entry> = {
  plugin: {
    values: {
      'define-plugin.ts': ['defineManifest', 'definePlugin'],
      'amounts.ts': ['allocate', 'formatAmount', 'percentOf', 'roundToStep', 'taxWithin'],
    },
    types: {
      'amounts.ts': ['Rounding'],
      'configuration.ts': ['ConfigurationOf', 'ConfigurationSchema'],
      'define-plugin.ts': ['Plugin', 'PluginHooks', 'TypedManifest'],
      'field-path.ts': ['FieldPath', 'Projected'],
      'manifest.ts': ['AllowedHost', 'Manifest', 'Secret'],
      'contracts/carrier-request.ts': ['CarrierRequestV1', 'CarrierResponseV1', 'RequestOutputV1'],
      'contracts/contract.ts': ['ContractId'],
      'contracts/discount.ts': ['DiscountInputV1', 'DiscountOperationV1', 'DiscountOutputV1'],
      'contracts/discount-v2.ts': ['DiscountInputV2', 'DiscountOutputV2'],
      'contracts/fulfillment.ts': [
        'ParseCancellationOutputV1',
        'ParseLabelOutputV1',
        'ParseShipmentOutputV1',
        'ParseTrackingOutputV1',
        'RatesInputV1',
        'RatesOutputV1',
        'ShipmentInputV1',
      ],
      'contracts/tax.ts': ['TaxesDueV1', 'TaxInputV1', 'TaxOutputV1'],
    },
  },
  testing: {
    values: {
      'kit/bundle.ts': ['buildBundle', 'bundleOf', 'PluginFault'],
      'kit/sandbox.ts': ['callPlugin', 'closeSandbox', 'hooksOf', 'SandboxFault'],
      'kit/fixture.ts': ['fixtureText', 'readFixture', 'readFixtures', 'writeFixture'],
      'kit/run-fixtures.ts': ['runFixture', 'runFixtures'],
      'kit/conformance.ts': ['conformance'],
      'kit/ask-carrier.ts': ['askCarrier'],
      'kit/sample-input.ts': ['sampleInput'],
    },
    types: {
      'kit/bundle.ts': ['Bundle'],
      'kit/sandbox.ts': ['PluginAnswer'],
      'kit/fixture.ts': ['Fixture', 'NamedFixture'],
      'kit/run-fixtures.ts': ['FixtureResult'],
      'kit/conformance.ts': ['ConformanceReport'],
      'kit/ask-carrier.ts': ['Carrier', 'SentRequest'],
    },
  },
  contracts: {
    values: {
      'contracts/contract.ts': ['CONTRACT_IDS', 'CONTRACTS'],
      'contracts/fields.ts': ['fieldsOf'],
      'check-answer.ts': ['checkAnswer'],
      'configuration.ts': ['validateConfiguration'],
      'manifest.ts': ['manifestSchema', 'SDK_VERSION'],
      'project-input.ts': ['projectInput'],
    },
    types: {
      'check-answer.ts': ['CheckedAnswer', 'Complaint'],
      'configuration.ts': ['ConfigurationCheck', 'ConfigurationError'],
      'contracts/contract.ts': ['Contract', 'ContractId', 'Hook'],
      'contracts/fields.ts': ['Field'],
      'manifest.ts': ['Manifest', 'ParsedManifest'],
    },
  },
}

const root = import.meta.dirname
const host = join(root, '../plugin-host/src')
const common = {
  bundle: true,
  format: 'esm',
  target: 'node24',
  platform: 'node',
  packages: 'external',
  outExtension: { '.js': '.mjs' },
} as const

// Built beside and then moved into place: whoever reads dist/ at this moment finds a whole one.
const into = mkdtempSync(join(root, 'node_modules/.dist-'))
try {
  await bundleEntries()
  await bundleSandbox()
  writeDeclarations()
  putInPlace()
} finally {
  rmSync(into, { recursive: true, force: true })
}

/** Moves the old one away and the new one in. Where another build was quicker, its result is moved away in turn. */
function putInPlace(triesLeft = 20): void {
  const dist = join(root, 'dist')
  const old = `${into}-old`
  try {
    if (existsSync(dist)) renameSync(dist, old)
    renameSync(into, dist)
  } catch (error) {
    if (triesLeft === 0 || !['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    rmSync(old, { recursive: true, force: true })
    putInPlace(triesLeft - 1)
  } finally {
    rmSync(old, { recursive: true, force: true })
  }
}

async function bundleEntries(): Promise<void> {
  const entries = {
    ...Object.fromEntries(Object.keys(ENTRIES).map((name) => [name, `entry:${name}`])),
    cli: join(root, 'src/cli/souk-plugin.ts'),
  }
  const listed = {
    name: 'entries',
    setup(plugin: import('esbuild').PluginBuild) {
      plugin.onResolve({ filter: /^entry:/ }, ({ path }) => ({ path, namespace: 'entry' }))
      plugin.onLoad({ filter: /.*/, namespace: 'entry' }, ({ path }) => {
        const { values } = ENTRIES[path.slice('entry:'.length)]!
        const lines = Object.entries(values).map(([file, names]) => `export { ${names.join(', ')} } from './src/${file}'`)
        return { contents: lines.join('\n'), resolveDir: root, loader: 'ts' }
      })
    },
  }
  await build({ ...common, entryPoints: entries, outdir: into, splitting: true, chunkNames: 'chunk-[hash]', plugins: [listed] })
}

async function bundleSandbox(): Promise<void> {
  const entryPoints = {
    'plugin-host': join(host, 'plugin-host.ts'),
    runner: join(host, 'sandbox/runner.ts'),
    'source-check-thread': join(host, 'source-check-thread.ts'),
  }
  await build({ ...common, entryPoints, outdir: join(into, 'sandbox') })
}

/** TypeScript writes a declaration for each source file; each entry point gets one that points at them. */
function writeDeclarations(): void {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const sources = [...new Set(Object.values(ENTRIES).flatMap(({ values, types }) => [...Object.keys(values), ...Object.keys(types)]))]
  const options = [
    '--declaration',
    '--emitDeclarationOnly',
    '--rewriteRelativeImportExtensions',
    '--stripInternal',
    '--rootDir',
    join(root, 'src'),
  ]
  const settings = [
    '--target',
    'es2024',
    '--module',
    'nodenext',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--skipLibCheck',
    '--types',
    'node',
  ]
  const files = sources.map((file) => join(root, 'src', file))
  execFileSync(process.execPath, [tsc, '--ignoreConfig', ...options, ...settings, '--outDir', join(into, 'types'), ...files], {
    cwd: root,
    stdio: 'inherit',
  })
  for (const file of readdirSync(join(into, 'types'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue
    const path = join(into, 'types', file)
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(from '|import\(['"])(\.[^'"]*)\.ts(['"])/g, '$1$2.js$3'))
  }
  for (const [name, { values, types }] of Object.entries(ENTRIES)) {
    const line =
      (keyword: string) =>
      ([file, names]: [string, string[]]) =>
        `${keyword} { ${names.join(', ')} } from './types/${file.replace(/\.ts$/, '.js')}'`
    const lines = [...Object.entries(values).map(line('export')), ...Object.entries(types).map(line('export type'))]
    for (const file of Object.keys({ ...values, ...types })) {
      if (!existsSync(join(into, 'types', file.replace(/\.ts$/, '.d.ts')))) throw new Error(`no declaration was written for ${file}`)
    }
    writeFileSync(join(into, `${name}.d.mts`), `${lines.join('\n')}\n`)
  }
}
