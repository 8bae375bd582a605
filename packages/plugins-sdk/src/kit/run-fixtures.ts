import { schemaComplaints } from '../check-answer.ts'
import { type Bundle, PluginFault } from './bundle.ts'
import { differences } from './differences.ts'
import { type NamedFixture, readFixtures } from './fixture.ts'
import { projectedSchema } from './projected-schema.ts'
import { callPlugin, type PluginAnswer } from './sandbox.ts'

export interface FixtureResult {
  fixture: NamedFixture
  /** Undefined when the call could not be made. */
  answer: PluginAnswer | undefined
  /** Why it failed. Empty: it passed. */
  faults: string[]
}

/** Runs the fixtures of a folder one after the other, in the sandbox. */
export async function runFixtures(bundle: Bundle, folder: string): Promise<FixtureResult[]> {
  const results: FixtureResult[] = []
  for (const fixture of readFixtures(folder)) results.push(await runFixture(bundle, fixture))
  return results
}

/** Runs one fixture. One that expects nothing (`output` null) passes when the plugin answers what its contract allows. */
export async function runFixture(bundle: Bundle, fixture: NamedFixture): Promise<FixtureResult> {
  const { contract, hook, input, configuration, output } = fixture
  const unfit = inputFaults(bundle, fixture)
  if (unfit.length > 0) return { fixture, answer: undefined, faults: unfit }
  let answer: PluginAnswer
  try {
    answer = await callPlugin(bundle, contract, hook, input, configuration)
  } catch (error) {
    if (!(error instanceof PluginFault)) throw error
    return { fixture, answer: undefined, faults: [error.message] }
  }
  if (!answer.ok) return { fixture, answer, faults: [`${answer.reason}: ${answer.detail}`] }
  return { fixture, answer, faults: output === null ? [] : differences(output, answer.output) }
}

function inputFaults({ manifest }: Bundle, { contract, hook, input }: NamedFixture): string[] {
  if (manifest.input[contract] === undefined) return [`the manifest says nothing of ${contract}`]
  let schema: ReturnType<typeof projectedSchema>
  try {
    schema = projectedSchema(manifest, contract, hook)
  } catch (error) {
    return [(error as Error).message]
  }
  const read = schema.safeParse(input)
  if (read.success) return []
  return schemaComplaints(read.error).map(({ pointer, message }) => {
    return `input${pointer}: ${explained(message)}`
  })
}

function explained(message: string): string {
  if (message.startsWith('unknown: ')) return `${message}: a shop would not hand this in, the manifest does not ask for it`
  return message.endsWith('received undefined') ? 'is missing: a shop would hand it in, the manifest asks for it' : message
}
