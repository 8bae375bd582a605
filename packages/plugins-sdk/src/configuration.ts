import { z } from 'zod'
import { CONFIGURATION_BYTES_MAX } from './limits.ts'

// What a merchant may set: a closed subset of JSON Schema from which an admin form can be drawn. There is no `pattern`:
// it would be an author's regular expression run by the shop; `format` covers what forms need.

const FIELDS_MAX = 100
const DEPTH_MAX = 8
const ITEMS_MAX = 500
const TEXT_MAX = 5_000

export const TEXT_FORMATS = [
  'text',
  'multiline',
  'decimal',
  'percentage',
  'country',
  'currency',
  'date',
  'sku',
  'collection',
  'tag',
  'customer_group',
] as const

interface Described {
  /** The label in the admin form. */
  readonly title?: string
  /** One or two sentences under it. */
  readonly description?: string
}

export interface TextField extends Described {
  readonly type: 'string'
  readonly format?: (typeof TEXT_FORMATS)[number]
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly default?: string
}

export interface IntegerField extends Described {
  readonly type: 'integer'
  /** amount: minor units of the shop's currency, drawn as money. */
  readonly format?: 'amount'
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: number
}

export interface BooleanField extends Described {
  readonly type: 'boolean'
  readonly default?: boolean
}

export interface ListField extends Described {
  readonly type: 'array'
  readonly items: ConfigurationField
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly default?: readonly unknown[]
}

export interface GroupField extends Described {
  readonly type: 'object'
  readonly properties: { readonly [name: string]: ConfigurationField }
  readonly required?: readonly string[]
}

export type ConfigurationField = TextField | IntegerField | BooleanField | ListField | GroupField
export type ConfigurationSchema = GroupField

/** The TypeScript type of a configuration that has passed its schema: what is required or has a default is there. */
export type ConfigurationOf<Field> = Field extends { type: 'string' }
  ? Field extends { enum: readonly (infer Choice)[] }
    ? Choice
    : string
  : Field extends { type: 'integer' }
    ? number
    : Field extends { type: 'boolean' }
      ? boolean
      : Field extends { type: 'array'; items: infer Item }
        ? ConfigurationOf<Item>[]
        : Field extends { type: 'object'; properties: infer Properties }
          ? Present<Field, Properties> & Absent<Field, Properties> extends infer Whole
            ? // One object type instead of an intersection, for whoever reads it in an editor.
              { [K in keyof Whole]: Whole[K] }
            : never
          : Record<never, never>

type Present<Group, Properties> = {
  -readonly [K in keyof Properties as IsPresent<Group, K, Properties[K]> extends true ? K : never]: ConfigurationOf<Properties[K]>
}
type Absent<Group, Properties> = {
  -readonly [K in keyof Properties as IsPresent<Group, K, Properties[K]> extends true ? never : K]?: ConfigurationOf<Properties[K]>
}

type IsPresent<Group, Name, Field> = Field extends { default: unknown }
  ? true
  : Group extends { required: readonly (infer Required)[] }
    ? Name extends Required
      ? true
      : false
    : false

const described = { title: z.string().max(100).optional(), description: z.string().max(500).optional() }
const textLength = z.int().min(0).max(TEXT_MAX)

const configurationFieldSchema: z.ZodType<ConfigurationField> = z.lazy(() =>
  z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('string'),
      ...described,
      format: z.enum(TEXT_FORMATS).optional(),
      enum: z.array(z.string().max(200)).min(1).max(100).optional(),
      minLength: textLength.optional(),
      maxLength: textLength.optional(),
      default: z.string().max(TEXT_MAX).optional(),
    }),
    z.strictObject({
      type: z.literal('integer'),
      ...described,
      format: z.literal('amount').optional(),
      minimum: z.int().optional(),
      maximum: z.int().optional(),
      default: z.int().optional(),
    }),
    z.strictObject({ type: z.literal('boolean'), ...described, default: z.boolean().optional() }),
    z.strictObject({
      type: z.literal('array'),
      ...described,
      items: configurationFieldSchema,
      minItems: z.int().min(0).max(ITEMS_MAX).optional(),
      maxItems: z.int().min(0).max(ITEMS_MAX).optional(),
      uniqueItems: z.boolean().optional(),
      default: z.array(z.unknown()).max(ITEMS_MAX).optional(),
    }),
    groupSchema,
  ]),
) as z.ZodType<ConfigurationField>

const groupSchema = z.strictObject({
  type: z.literal('object'),
  ...described,
  properties: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,49}$/), configurationFieldSchema),
  required: z.array(z.string()).max(FIELDS_MAX).optional(),
})

/** A configuration schema that can be drawn and checked: every default fits its field, every required name exists. */
export const configurationSchemaSchema = groupSchema.superRefine((schema, context) => {
  const { fields, depth } = measure(schema as GroupField)
  if (fields > FIELDS_MAX) context.addIssue({ code: 'custom', message: `has ${fields} fields; at most ${FIELDS_MAX}` })
  if (depth > DEPTH_MAX) context.addIssue({ code: 'custom', message: `nests ${depth} deep; at most ${DEPTH_MAX}` })
  for (const issue of schemaIssues(schema as GroupField, [])) context.addIssue({ code: 'custom', ...issue })
})

export interface ConfigurationError {
  /** JSON pointer into the configuration: '/tiers/0/from'. */
  pointer: string
  code: 'required' | 'unknown' | 'type' | 'enum' | 'format' | 'too_short' | 'too_long' | 'too_small' | 'too_large' | 'duplicate'
  detail: string
}

export type ConfigurationCheck = { ok: true; configuration: Record<string, unknown> } | { ok: false; errors: ConfigurationError[] }

/** Checks what a merchant set, fills in defaults, and names every fault by its place. The given value is left as it is. */
export function validateConfiguration(schema: ConfigurationSchema, value: unknown): ConfigurationCheck {
  const errors: ConfigurationError[] = []
  const configuration = readField(schema, value, '', errors)
  if (errors.length === 0 && JSON.stringify(configuration).length > CONFIGURATION_BYTES_MAX) {
    errors.push({ pointer: '', code: 'too_long', detail: `is longer than ${CONFIGURATION_BYTES_MAX} bytes` })
  }
  return errors.length === 0 ? { ok: true, configuration: configuration as Record<string, unknown> } : { ok: false, errors }
}

function readField(field: ConfigurationField, value: unknown, pointer: string, errors: ConfigurationError[]): unknown {
  const fault = (code: ConfigurationError['code'], detail: string) => void errors.push({ pointer, code, detail })
  switch (field.type) {
    case 'string':
      return readText(field, value, fault)
    case 'integer':
      return readInteger(field, value, fault)
    case 'boolean':
      if (typeof value !== 'boolean') fault('type', 'is neither true nor false')
      return value
    case 'array':
      return readList(field, value, pointer, errors, fault)
    case 'object':
      return readGroup(field, value, pointer, errors, fault)
  }
}

type Fault = (code: ConfigurationError['code'], detail: string) => void

const FORMATS: Partial<Record<NonNullable<TextField['format']>, RegExp>> = {
  decimal: /^-?\d{1,15}(\.\d{1,10})?$/,
  percentage: /^(100(\.0{1,4})?|\d{1,2}(\.\d{1,4})?)$/,
  country: /^[A-Z]{2}$/,
  currency: /^[A-Z]{3}$/,
  date: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/,
}

function readText(field: TextField, value: unknown, fault: Fault): unknown {
  if (typeof value !== 'string') return fault('type', 'is no text')
  if (field.enum !== undefined && !field.enum.includes(value)) fault('enum', `is none of ${field.enum.join(', ')}`)
  const length = [...value].length
  if (length < (field.minLength ?? 0)) fault('too_short', `has fewer than ${field.minLength} characters`)
  const longest = field.maxLength ?? TEXT_MAX
  if (length > longest) fault('too_long', `has more than ${longest} characters`)
  const format = field.format === undefined ? undefined : FORMATS[field.format]
  if (format !== undefined && !format.test(value)) fault('format', `is no ${field.format}`)
  return value
}

function readInteger(field: IntegerField, value: unknown, fault: Fault): unknown {
  if (!Number.isSafeInteger(value)) return fault('type', 'is no whole number')
  const least = field.minimum ?? (field.format === 'amount' ? 0 : Number.MIN_SAFE_INTEGER)
  const most = field.maximum ?? Number.MAX_SAFE_INTEGER
  if ((value as number) < least) fault('too_small', `is below ${least}`)
  if ((value as number) > most) fault('too_large', `is above ${most}`)
  return value
}

function readList(field: ListField, value: unknown, pointer: string, errors: ConfigurationError[], fault: Fault): unknown {
  if (!Array.isArray(value)) return fault('type', 'is no list')
  if (value.length < (field.minItems ?? 0)) fault('too_short', `has fewer than ${field.minItems} items`)
  const most = field.maxItems ?? ITEMS_MAX
  if (value.length > most) return fault('too_long', `has more than ${most} items`)
  const items = value.map((item, index) => readField(field.items, item, `${pointer}/${index}`, errors))
  if (field.uniqueItems && new Set(items.map((item) => JSON.stringify(item))).size < items.length) fault('duplicate', 'holds an item twice')
  return items
}

function readGroup(field: GroupField, value: unknown, pointer: string, errors: ConfigurationError[], fault: Fault): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fault('type', 'is no object')
  const given = value as Record<string, unknown>
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(field.properties, name)) {
      errors.push({ pointer: `${pointer}/${escapePointer(name)}`, code: 'unknown', detail: 'is no setting of this plugin' })
    }
  }
  const read: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(field.properties)) {
    const at = `${pointer}/${name}`
    if (Object.hasOwn(given, name) && given[name] !== undefined) read[name] = readField(member, given[name], at, errors)
    else if ('default' in member && member.default !== undefined)
      read[name] = readField(member, structuredClone(member.default), at, errors)
    else if (field.required?.includes(name)) errors.push({ pointer: at, code: 'required', detail: 'is missing' })
  }
  return read
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function measure(field: ConfigurationField): { fields: number; depth: number } {
  const members = field.type === 'object' ? Object.values(field.properties) : field.type === 'array' ? [field.items] : []
  const measured = members.map(measure)
  return {
    fields: members.length + measured.reduce((sum, { fields }) => sum + fields, 0),
    depth: 1 + Math.max(0, ...measured.map(({ depth }) => depth)),
  }
}

function* schemaIssues(field: ConfigurationField, path: (string | number)[]): Generator<{ message: string; path: (string | number)[] }> {
  if ('default' in field && field.default !== undefined) {
    const errors: ConfigurationError[] = []
    readField(field, field.default, '', errors)
    for (const { pointer, detail } of errors)
      yield { path: [...path, 'default'], message: `the default${pointer && ` at ${pointer}`} ${detail}` }
  }
  if (field.type === 'array') yield* schemaIssues(field.items, [...path, 'items'])
  if (field.type !== 'object') return
  for (const name of field.required ?? []) {
    if (!Object.hasOwn(field.properties, name)) yield { path: [...path, 'required'], message: `names ${name}, which is no property` }
  }
  for (const [name, member] of Object.entries(field.properties)) yield* schemaIssues(member, [...path, 'properties', name])
}
