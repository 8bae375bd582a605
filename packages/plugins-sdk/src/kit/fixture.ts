import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { schemaComplaints } from '../check-answer.ts'
import { CONTRACT_IDS } from '../contracts/contract.ts'
import { canonicalJson } from './canonical-json.ts'

/**
 * One call of a hook: what a shop records, and what a test replays. The file of a fixture is byte for byte what `souk-plugin logs --save`
 * writes for a call of production. `output` is null when nothing is expected yet, or when the recorded call failed.
 */
export const fixtureSchema = z.strictObject({
  contract: z.enum(CONTRACT_IDS),
  hook: z.string().min(1).max(50),
  input: z.record(z.string(), z.unknown()),
  configuration: z.record(z.string(), z.unknown()),
  output: z.unknown(),
})

export type Fixture = z.output<typeof fixtureSchema>

export interface NamedFixture extends Fixture {
  /** The file's name without its ending. */
  name: string
}

/** A fixture as it is written to a file. */
export function fixtureText({ contract, hook, input, configuration, output }: Fixture): string {
  const members = [
    ['contract', JSON.stringify(contract)],
    ['hook', JSON.stringify(hook)],
    ...Object.entries({ input, configuration, output: output ?? null }).map(([name, value]) => [name, indented(canonicalJson(value, 2))]),
  ]
  return `{\n${members.map(([name, text]) => `  "${name}": ${text}`).join(',\n')}\n}\n`
}

/** Reads a fixture. Throws an Error that names the file and the place when it is none. */
export function readFixture(file: string): Fixture {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`)
  }
  const read = fixtureSchema.safeParse(json)
  if (read.success) return { ...read.data, output: read.data.output ?? null }
  throw new Error(
    `${file}: ${schemaComplaints(read.error)
      .map(({ pointer, message }) => `${pointer || 'the file'} ${message}`)
      .join('; ')}`,
  )
}

/** The fixtures of a folder by name; none when the folder is not there. */
export function readFixtures(folder: string): NamedFixture[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => ({ name: name.slice(0, -'.json'.length), ...readFixture(join(folder, name)) }))
}

export function writeFixture(folder: string, name: string, fixture: Fixture): string {
  const file = join(folder, `${name}.json`)
  writeFileSync(file, fixtureText(fixture))
  return file
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ')
}
