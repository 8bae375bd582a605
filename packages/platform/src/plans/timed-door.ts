import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'

/** The same door, which tells of each transaction for how long it kept the database: from when it has a connection until it is over. */
export function timedDoor(inMerchant: InMerchant, onDatabaseTime: (merchantId: string, ms: number) => void): InMerchant {
  const { merchant } = inMerchant
  const counted = (since: number) => onDatabaseTime(merchant.id, performance.now() - since)
  const transaction = async <T>(open: (work: (tx: Tx) => Promise<T>) => Promise<T>, work: (tx: Tx) => Promise<T>) => {
    let since: number | undefined
    try {
      return await open((tx) => {
        since ??= performance.now()
        return work(tx)
      })
    } finally {
      if (since !== undefined) counted(since)
    }
  }
  const timed = async <T>(use: () => Promise<T>) => {
    const since = performance.now()
    try {
      return await use()
    } finally {
      counted(since)
    }
  }
  return Object.assign(<T>(work: (tx: Tx) => Promise<T>) => transaction((open) => inMerchant<T>(open), work), {
    merchant,
    isAboutToMove: () => inMerchant.isAboutToMove(),
    read: <T>(work: (tx: Tx) => Promise<T>) => transaction((open) => inMerchant.read<T>(open), work),
    readStale: <T>(work: (tx: Tx) => Promise<T>) => transaction((open) => inMerchant.readStale<T>(open), work),
    readOnce: (work: Parameters<InMerchant['readOnce']>[0]) => timed(() => inMerchant.readOnce(work)),
    readOne: (statement: Parameters<InMerchant['readOne']>[0]) => timed(() => inMerchant.readOne(statement)),
  })
}
