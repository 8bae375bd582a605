import type { Cell } from '@souk/platform/cells.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { timeSchema } from './time.ts'

export const cellNameSchema = z.string('invalid_id').regex(/^[a-z][a-z0-9-]{0,62}$/, 'invalid_id')

const findingSchema = z
  .object({ check: z.string(), outcome: z.enum(['passed', 'warning', 'failed']), detail: z.string() })
  .meta({ id: 'CellFinding' })

export const cellSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    kind: z.enum(['shared', 'dedicated']),
    status: z.enum(['open', 'draining', 'retired']),
    merchant_count: z.int(),
    move_count: z.int().meta({ description: 'Moves from here or to here that have not ended' }),
    reachable: z.boolean().meta({ description: 'Whether the process that answers has an address for it' }),
    checked_at: timeSchema.nullable(),
    findings: z.array(findingSchema).nullable().meta({ description: 'What the last check has found' }),
    created_at: timeSchema,
  })
  .meta({ id: 'Cell' })

export function presentCell(cell: Cell): z.output<typeof cellSchema> {
  return {
    id: cell.id,
    name: cell.name,
    kind: cell.kind,
    status: cell.status,
    merchant_count: cell.merchantCount,
    move_count: cell.moveCount,
    reachable: cell.reachable,
    checked_at: cell.checkedAt?.toISOString() ?? null,
    findings: cell.findings,
    created_at: cell.createdAt.toISOString(),
  }
}
