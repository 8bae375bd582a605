import { Context, Liquid } from 'liquidjs'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { MAIL_BODY_BYTES_MAX, MAIL_RENDER_MS, MAIL_RENDER_UNITS_MAX, MAIL_RENDERED_BYTES_MAX, MAIL_SUBJECT_BYTES_MAX } from './limits.ts'
import { MAIL_TEMPLATES, type MailData, type MailTemplateName, type MailWords } from './mail-template.ts'

export interface RenderedMail {
  subject: string
  text: string
  html: string | null
}

// Of Liquid, what chooses and repeats. Nothing that reads a file, and nothing that gets around the escaping.
const TAGS = ['if', 'unless', 'case', 'for', 'break', 'continue', 'assign', 'comment', '#']
const FILTERS = ['append', 'capitalize', 'default', 'downcase', 'first', 'join', 'last', 'prepend', 'size', 'strip', 'truncate', 'upcase']
const PROPERTIES_OF_LISTS = ['size', 'first', 'last']

const html = engine('escape')
const plain = engine(undefined)

function engine(outputEscape: 'escape' | undefined): Liquid {
  const liquid = new Liquid({
    ...(outputEscape && { outputEscape }),
    // There is no other template than the one at hand, and no file.
    templates: {},
    strictFilters: true,
    ownPropertyOnly: true,
    parseLimit: MAIL_BODY_BYTES_MAX,
    memoryLimit: MAIL_RENDER_UNITS_MAX,
  })
  for (const name of Object.keys(liquid.tags)) if (!TAGS.includes(name)) delete liquid.tags[name]
  for (const name of Object.keys(liquid.filters)) if (!FILTERS.includes(name)) delete liquid.filters[name]
  return liquid
}

/** The words of a mail with their data. Values are escaped in HTML. Throws where `checkWords` would have found something. */
export function renderMail(words: MailWords, data: MailData): RenderedMail {
  return {
    // A subject is one line: what is left of line breaks would begin another header.
    subject: render(plain, words.subject, data).replaceAll(/\s+/g, ' ').trim(),
    text: render(plain, words.text, data),
    html: words.html === null ? null : render(html, words.html, data),
  }
}

function render(liquid: Liquid, text: string, data: MailData, strict: { strictVariables?: true } = {}): string {
  const rendered = String(
    liquid.renderSync(
      liquid.parse(text),
      new Context(data, liquid.options, { ...strict, sync: true }, { renderLimit: timeLimit(), liquid }),
    ),
  )
  if (Buffer.byteLength(rendered) > MAIL_RENDERED_BYTES_MAX) throw new Error(`It comes to more than ${MAIL_RENDERED_BYTES_MAX} bytes.`)
  return rendered
}

/** Liquid's own is by the clock, and would refuse good words where a machine stands still for a moment. */
function timeLimit(): Context['renderLimit'] {
  const before = process.threadCpuUsage()
  const check = () => {
    const { user, system } = process.threadCpuUsage(before)
    if (user + system > MAIL_RENDER_MS * 1_000) throw new Error('It takes too long.')
  }
  return { check, use: () => {} } as unknown as Context['renderLimit']
}

/** Refuses `mail_template_invalid` for words that cannot be rendered, or speak of what such a mail does not have. */
export function checkWords(name: MailTemplateName, words: MailWords): void {
  const { sample } = MAIL_TEMPLATES[name]
  const errors = [
    ...faults(plain, '/subject', words.subject, { sample, bytesMax: MAIL_SUBJECT_BYTES_MAX }),
    ...faults(plain, '/text', words.text, { sample, bytesMax: MAIL_BODY_BYTES_MAX }),
    ...(words.html === null ? [] : faults(html, '/html', words.html, { sample, bytesMax: MAIL_BODY_BYTES_MAX })),
  ]
  if (errors.length > 0) throw new Refusal('mail_template_invalid', { detail: 'The template cannot be used as it is.', errors })
}

function faults(liquid: Liquid, pointer: string, text: string, given: { sample: MailData; bytesMax: number }): FieldProblem[] {
  const fault = (code: string, detail: string) => [{ pointer, code, detail }]
  if (Buffer.byteLength(text) > given.bytesMax) return fault('text_too_long', `It may have ${given.bytesMax} bytes.`)
  if (!text.isWellFormed() || text.includes('\0')) return fault('invalid_text', 'It holds characters that cannot be stored.')
  try {
    const template = liquid.parse(text)
    const unknown = liquid.globalVariableSegmentsSync(template).find((path) => !isKnown(path, given.sample))
    if (unknown) return fault('unknown_variable', `This mail has no ${unknown.filter((part) => !Array.isArray(part)).join('.')}.`)
    return render(liquid, text, given.sample, { strictVariables: true }).trim() === ''
      ? fault('invalid_template', 'Nothing would be written.')
      : []
  } catch (error) {
    return fault('invalid_template', firstLine(error))
  }
}

/** Whether a path leads somewhere in the sample. A part that is itself looked up is anything. */
function isKnown(path: readonly unknown[], sample: MailData): boolean {
  let at: unknown = sample
  for (const part of path) {
    if (Array.isArray(part)) return true
    if (Array.isArray(at)) {
      if (typeof part !== 'number' && !PROPERTIES_OF_LISTS.includes(String(part))) return false
      at = typeof part === 'number' ? at[0] : at.at(-1)
    } else if (typeof at === 'object' && at !== null && Object.hasOwn(at, String(part))) at = (at as MailData)[String(part)]
    else return typeof at === 'string' && part === 'size'
  }
  return true
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!
}
