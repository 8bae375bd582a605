import type { House } from '@souk/proofs/house.ts'
import { openTestWire } from '@souk/tenant-router/test-wire.ts'

export interface Cost {
  operation: string
  statements: number
  roundTrips: number
}

interface Counted {
  name: string
  once(): Promise<void>
}

const REPEATED = 20

/**
 * Statements and round trips to PostgreSQL per run of an operation, counted on the wire, with one connection and prepared.
 * The API is started for it as often as needed, and runs as usual afterwards.
 */
export async function measureCosts(house: House, operations: () => Promise<readonly Counted[]>): Promise<Cost[]> {
  const wire = await openTestWire(house.url('souk_app'))
  const cells = JSON.parse(house.environment().SOUK_CELLS!) as Record<string, { app: string }>
  cells['shared-1']!.app = wire.url
  await house.api.stop()
  await house.startApi({ SOUK_CELLS: JSON.stringify(cells), SOUK_CONNECTIONS_PER_CELL: '1' })
  const costs: Cost[] = []
  for (const operation of await operations()) {
    for (let warm = 0; warm < 5; warm++) await operation.once()
    wire.reset()
    for (let run = 0; run < REPEATED; run++) await operation.once()
    costs.push({ operation: operation.name, statements: (wire.counts.B ?? 0) / REPEATED, roundTrips: wire.roundTrips / REPEATED })
  }
  await house.api.stop()
  await wire.close()
  await house.startApi()
  return costs
}
