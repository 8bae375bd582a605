import type { ChainMark, ChainVerification } from '@souk/core/audit/verify-chain.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'

const SEQUENCE = /^[1-9]\d{0,15}$/

/** A place in the chain that was noted earlier: both of its members, or none. */
export const markQuery = z
  .strictObject({
    known_sequence: z.string().regex(SEQUENCE).transform(BigInt).optional(),
    known_hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  })
  .refine(({ known_sequence, known_hash }) => (known_sequence === undefined) === (known_hash === undefined))

export function readMark({ known_sequence, known_hash }: z.output<typeof markQuery>): ChainMark | undefined {
  return known_sequence === undefined || known_hash === undefined ? undefined : { sequence: known_sequence, hash: known_hash }
}

export const verificationSchema = z
  .strictObject({
    intact: z.boolean(),
    verified_entries: z.int().meta({ description: 'How many were found in order before anything wrong.' }),
    head: z
      .strictObject({ sequence: z.int(), hash: z.string() })
      .meta({ description: 'The end of the log. Kept elsewhere, it tells later whether the log was written anew.' }),
    first_wrong: z
      .strictObject({ sequence: z.int(), entry_id: idSchema.nullable(), fault: z.enum(['edited', 'unchained', 'missing']) })
      .nullable(),
  })
  .meta({ id: 'AuditVerification' })

export function presentVerification({ verified, head, wrong }: ChainVerification): z.output<typeof verificationSchema> {
  return {
    intact: wrong === null,
    verified_entries: Number(verified),
    head: { sequence: Number(head.sequence), hash: head.hash },
    first_wrong: wrong && { sequence: Number(wrong.sequence), entry_id: wrong.entryId, fault: wrong.fault },
  }
}
