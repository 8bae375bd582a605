import {
  BUNDLE_BYTES_MAX,
  CONFIGURATION_BYTES_MAX,
  INPUT_BYTES_MAX,
  LOG_LINE_BYTES_MAX,
  LOG_LINES_MAX,
  MEMORY_BYTES_MAX,
  outputBytesMax,
  WALL_MS_CHECKOUT,
  WALL_MS_FULFILLMENT,
} from '../limits.ts'
import { CONTRACT_IDS, CONTRACTS, type ContractId } from './contract.ts'
import { fieldsOf } from './fields.ts'
import { followed, type JsonSchema, publishedContract } from './json-schema.ts'

// The parts of docs/plugins/reference.md that the code knows better than a person: between "<!-- name -->" and "<!-- /name -->".

/** Every generated part by name. */
export function referenceParts(): Record<string, string> {
  const fields = CONTRACT_IDS.map((id) => [`fields of ${id}`, fieldsTable(id)] as const)
  return { ...Object.fromEntries(fields), hooks: hooksTable(), limits: limitsTable() }
}

/** The page with its generated parts written anew. Throws for a page in which one is missing. */
export function withReferenceParts(page: string): string {
  let written = page
  for (const [name, text] of Object.entries(referenceParts())) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [from, to] = [written.indexOf(begin), written.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`the page has no part "${name}"`)
    written = `${written.slice(0, from + begin.length)}\n\n${text}\n\n${written.slice(to)}`
  }
  return written
}

function fieldsTable(id: ContractId): string {
  const published = publishedContract(id)
  const inputs = Object.values(published.hooks).map(({ input }) => followed(published, input))
  const rows = fieldsOf(id).map(({ path, description, personal }) => {
    const schema = inputs.map((input) => leafAt(input, path.split('.'))).find((leaf) => leaf !== undefined)
    return [`\`${path}\``, typeWords(schema!), `${description}${personal ? ' **Personal.**' : ''}`]
  })
  return table(['field', 'type', 'meaning'], rows)
}

function hooksTable(): string {
  const rows = CONTRACT_IDS.flatMap((id) =>
    Object.entries(CONTRACTS[id].hooks).map(([name, { kind, required, answers }]) => [
      `\`${id}\``,
      `\`${name}\``,
      kind === 'parse'
        ? `parse: reads the answer to \`${answers}\``
        : kind === 'pure'
          ? 'pure: while the buyer waits'
          : 'request: what the worker shall ask',
      required ? 'yes' : 'with its pair',
    ]),
  )
  return table(['contract', 'hook', 'kind', 'required'], rows)
}

function limitsTable(): string {
  const number = (value: number) => value.toLocaleString('en')
  return table(
    ['what', 'limit'],
    [
      ['time of a call, discount and tax', `${WALL_MS_CHECKOUT} ms`],
      ['time of a call, fulfillment', `${WALL_MS_FULFILLMENT} ms`],
      ['memory', `${number(MEMORY_BYTES_MAX)} bytes`],
      ['input', `${number(INPUT_BYTES_MAX)} bytes of JSON`],
      [
        'answer',
        `${number(outputBytesMax(0))} bytes of JSON, and ${number(outputBytesMax(1) - outputBytesMax(0))} more for each line of the input`,
      ],
      ['configuration', `${number(CONFIGURATION_BYTES_MAX)} bytes of JSON`],
      ['bundle', `${number(BUNDLE_BYTES_MAX)} bytes`],
      ['log', `${LOG_LINES_MAX} lines of ${LOG_LINE_BYTES_MAX} bytes a call`],
    ],
  )
}

function leafAt(schema: JsonSchema, path: readonly string[]): JsonSchema | undefined {
  const [step, ...rest] = path
  if (step === undefined) return schema
  const bare = schema.anyOf?.find(({ type }) => type !== 'null') ?? schema
  const inside = bare.items ?? bare
  const member = (inside.anyOf?.find(({ type }) => type !== 'null') ?? inside).properties?.[step]
  return member === undefined ? undefined : leafAt(member, rest)
}

function typeWords({ anyOf, type, items, format }: JsonSchema): string {
  if (anyOf !== undefined) return `${typeWords(anyOf.find((branch) => branch.type !== 'null')!)} or null`
  const types = [type].flat()
  const [word] = types.filter((one) => one !== 'null')
  const name =
    word === 'array' ? `list of ${typeWords(items!)}` : word === 'string' ? (format === 'date-time' ? 'time' : 'text') : (word ?? '')
  return types.includes('null') ? `${name} or null` : name
}

/** A Markdown table whose columns line up, as a formatter would leave it. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n')
}
