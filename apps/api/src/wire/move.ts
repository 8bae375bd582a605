import type { ListedMove } from '@souk/platform/moves.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { timeSchema } from './time.ts'

const STATES = [
  'requested',
  'preflight',
  'seeding',
  'catching_up',
  'verifying',
  'fencing',
  'unfencing',
  'switched',
  'watching',
  'retiring',
  'done',
  'aborting',
  'aborted',
  'rolling_back',
  'rolled_back',
] as const

export const moveSchema = z
  .object({
    id: idSchema,
    merchant_id: idSchema,
    merchant_slug: z.string(),
    from_cell: z.string(),
    to_cell: z.string(),
    state: z.enum(STATES),
    direction: z.enum(['forward', 'back']),
    requested_by: idSchema.nullable(),
    requested_at: timeSchema,
    state_since: timeSchema,
    updated_at: timeSchema,
    watch_until: timeSchema.nullable().meta({ description: 'Until then the move can be rolled back' }),
    lost_cell: z.string().nullable().meta({ description: 'A cell that was given up as gone for good: the move ends without it' }),
    left_behind: z
      .array(z.object({ kind: z.enum(['subscription', 'slot', 'publication', 'rows']), name: z.string(), removal: z.string() }))
      .meta({
        description: 'What is there, should that database come back, and the statement that removes it as souk_mover; in this order',
      }),
    failure: z.string().nullable().meta({ description: 'The last trouble, also of a move that goes on' }),
    figures: z.record(z.string(), z.unknown()).meta({ description: 'What was measured on the way; times in milliseconds' }),
  })
  .meta({ id: 'Move' })

export function presentMove(move: ListedMove): z.output<typeof moveSchema> {
  return {
    id: move.id,
    merchant_id: move.merchantId,
    merchant_slug: move.slug,
    from_cell: move.fromCell,
    to_cell: move.toCell,
    state: move.state,
    direction: move.direction,
    requested_by: move.requestedBy,
    requested_at: move.requestedAt.toISOString(),
    state_since: move.stateSince.toISOString(),
    updated_at: move.updatedAt.toISOString(),
    watch_until: move.watchUntil?.toISOString() ?? null,
    lost_cell: move.lostCell,
    left_behind: move.leftBehind.map(({ kind, name, removal }) => ({ kind, name, removal })),
    failure: move.failure,
    figures: { ...move.figures },
  }
}
