import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { DoorError } from '../../door-error.ts'
import type { MerchantEntry } from '../../merchant-entry.ts'
import type { Router } from '../../router.ts'
import type { Tx } from '../../tx.ts'

/**
 * Writers who number what they do without a gap and remember what was acknowledged, so that nothing can get lost or double unseen.
 * On a machine that is busy enough a fence may last as long as it may; whoever waited for all of that is told to try again, and does.
 */
export class Writers {
  readonly acknowledged: bigint[] = []
  readonly failures: unknown[] = []
  readonly #running: Promise<void>[]
  #stopping = false

  constructor(router: Router, merchant: MerchantEntry, count = 3) {
    this.#running = Array.from({ length: count }, () => this.#write(router, merchant))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
  }

  async #write(router: Router, merchant: MerchantEntry): Promise<void> {
    while (!this.#stopping) {
      try {
        this.acknowledged.push(await router.inMerchant(merchant)(record))
      } catch (error) {
        if (!(error instanceof DoorError && error.code === 'merchant_moving')) this.failures.push(error)
      }
      await sleep(2)
    }
  }
}

/** The next number, and an event that has it. */
async function record(tx: Tx): Promise<bigint> {
  const [counted] = await tx.sql<{ sequence: bigint }[]>`
    update merchant_counter set event_sequence = event_sequence + 1 where merchant_id = ${tx.merchantId} returning event_sequence as sequence`
  const { sequence } = counted!
  await tx.sql`
    insert into event (merchant_id, sequence, type, aggregate_type, aggregate_id, data, actor)
    values (${tx.merchantId}, ${sequence}, 'test.written', 'test', ${tx.merchantId}, '{}', '{}')`
  return sequence
}

/** The numbers of the writers' events that a database has, in order. */
export async function writtenNumbers(admin: postgres.Sql, merchantId: string): Promise<bigint[]> {
  const rows = await admin`
    select sequence::text as sequence from event where merchant_id = ${merchantId} and type = 'test.written' order by event.sequence`
  return rows.map(({ sequence }) => BigInt(sequence as string))
}
