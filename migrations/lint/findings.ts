import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MigrationFile } from '../files.ts'
import { houseFindings } from './house-rules.ts'

/** Something in a migration that would stop or break those who are served meanwhile. */
export interface Finding {
  file: string
  /** From 1. */
  line: number
  rule: string
  message: string
}

/** Rules of squawk that are not ours, and why. */
const NOT_OURS = {
  'require-lock-timeout': 'run.ts sets it for every statement',
  'require-statement-timeout': 'run.ts sets it for every statement',
  'prefer-robust-stmts': 'a file is one transaction: of one that failed nothing is left; one without a transaction is checked below',
  'prefer-bigint-over-int': 'quantities, positions and versions are small; money and sequences are bigint by a law of their own',
}

/** What takes away something that the release before still uses: in a file that says `-- phase: contract`, and nowhere else. */
const CONTRACTS = new Set([
  'ban-drop-column',
  'ban-drop-table',
  'ban-drop-function',
  'ban-drop-view',
  'ban-drop-not-null',
  'adding-not-nullable-field',
])

const SERVER_VERSION = '18.0'
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

/**
 * What squawk and the rules of this house find in migrations, but for what a line above it allows: `-- allow <rule>: why`.
 * An allowance without a reason, and one that allows nothing, are findings too.
 */
export async function findUnsafe(files: MigrationFile[]): Promise<Finding[]> {
  const found = [...(await squawk(files)), ...files.flatMap(houseFindings)]
  return files.flatMap((file) => {
    const own = found.filter((finding) => finding.file === nameOf(file))
    return judge(file, own).sort((a, b) => a.line - b.line || a.rule.localeCompare(b.rule))
  })
}

const nameOf = (file: MigrationFile): string => `${file.set}/${file.name}`

function judge(file: MigrationFile, found: Finding[]): Finding[] {
  const allowances = allowancesOf(file)
  const used = new Set<Allowance>()
  const left = found.filter((finding) => {
    if (file.phase === 'contract' && CONTRACTS.has(finding.rule)) return false
    const allowance = allowances.find((candidate) => candidate.rule === finding.rule && candidate.forLine === finding.line)
    if (allowance) used.add(allowance)
    return allowance === undefined
  })
  const vain = allowances.filter((allowance) => !used.has(allowance))
  return [
    ...left,
    ...allowances.filter((a) => a.reason === '').map((a) => finding(file, a.line, 'say-why', `"allow ${a.rule}" gives no reason.`)),
    ...vain.map((a) => finding(file, a.line, 'allow-something', `Nothing on the next line breaks ${a.rule}.`)),
  ]
}

interface Allowance {
  rule: string
  reason: string
  line: number
  /** The first line after the comment it is part of. */
  forLine: number
}

function allowancesOf(file: MigrationFile): Allowance[] {
  const lines = file.text.split('\n')
  return lines.flatMap((text, index) => {
    const [, rule, reason = ''] = /^\s*-- allow ([a-z-]+)(?:: *(.*))?$/.exec(text) ?? []
    if (rule === undefined) return []
    const next = lines.findIndex((line, at) => at > index && !/^\s*--/.test(line))
    return [{ rule, reason: reason.trim(), line: index + 1, forLine: next + 1 }]
  })
}

function finding(file: MigrationFile, line: number, rule: string, message: string): Finding {
  return { file: nameOf(file), line, rule, message }
}

interface SquawkViolation {
  file: string
  /** From 0. */
  line: number
  rule_name: string
  message: string
  help: string | null
}

/** Both kinds of file are given to squawk apart: what it asks of a statement depends on whether a transaction surrounds it. */
async function squawk(files: MigrationFile[]): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'souk-squawk-'))
  try {
    const places = new Map<string, MigrationFile>()
    for (const file of files) {
      const path = join(folder, `${file.set}-${file.name}`)
      await writeFile(path, file.text)
      places.set(path, file)
    }
    const inTransaction = [...places].filter(([, file]) => file.transaction).map(([path]) => path)
    const alone = [...places].filter(([, file]) => !file.transaction).map(([path]) => path)
    const notOurs = Object.keys(NOT_OURS)
    const violations = [
      ...(await runSquawk(['--assume-in-transaction', `--exclude=${notOurs.join(',')}`], inTransaction)),
      ...(await runSquawk([`--exclude=${notOurs.filter((rule) => rule !== 'prefer-robust-stmts').join(',')}`], alone)),
    ]
    return violations.flatMap(({ file: path, line, rule_name, message, help }) => {
      const file = places.get(path)
      return file ? [finding(file, line + 1, rule_name, help ? `${message} ${help}` : message)] : []
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** It ends with 1 when it found something, and says so in JSON; anything else is a failure to run. */
async function runSquawk(options: string[], paths: string[]): Promise<SquawkViolation[]> {
  if (paths.length === 0) return []
  const { getBinaryPath } = createRequire(import.meta.url)('squawk-cli/js/index.js') as { getBinaryPath(): string }
  const given = ['--reporter=json', `--pg-version=${SERVER_VERSION}`, ...options, ...paths]
  const output = await new Promise<string>((resolve, reject) => {
    execFile(getBinaryPath(), given, { maxBuffer: OUTPUT_BYTES_MAX, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error && error.code !== 1) reject(new Error(`squawk failed: ${stderr || error.message}`))
      else resolve(stdout)
    })
  })
  return JSON.parse(output) as SquawkViolation[]
}
