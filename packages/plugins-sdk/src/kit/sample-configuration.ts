import type { ConfigurationField, TextField } from '../configuration.ts'

/** The least that a merchant may set: what is required and has no default, each with its smallest value. */
export function sampleConfiguration(field: ConfigurationField): unknown {
  switch (field.type) {
    case 'string':
      return field.default ?? field.enum?.[0] ?? SAMPLE_TEXTS[field.format ?? 'text'] ?? 'a'.repeat(field.minLength ?? 0)
    case 'integer':
      return field.default ?? Math.max(field.minimum ?? 0, Math.min(0, field.maximum ?? 0))
    case 'boolean':
      return field.default ?? false
    case 'array':
      return field.default ?? Array.from({ length: field.minItems ?? 0 }, () => sampleConfiguration(field.items))
    case 'object':
      return Object.fromEntries(
        Object.entries(field.properties)
          .filter(([name, member]) => field.required?.includes(name) && !('default' in member))
          .map(([name, member]) => [name, sampleConfiguration(member)]),
      )
  }
}

const SAMPLE_TEXTS: Partial<Record<NonNullable<TextField['format']>, string>> = {
  decimal: '0',
  percentage: '0',
  country: 'DE',
  currency: 'EUR',
  date: '2027-01-01',
}
