/** A place in a chain: whoever keeps one elsewhere can hold the log against it later. */
export interface ChainMark {
  sequence: bigint
  hash: string
}

/** - `edited`: its hash is not its content's · `unchained`: it does not follow the one before · `missing`: nothing is there */
export type ChainFault = 'edited' | 'unchained' | 'missing'

export interface ChainVerification {
  /** How many entries were found in order before anything wrong. */
  verified: bigint
  /** The end of the log as it should be. */
  head: ChainMark
  /** The first thing that is wrong; null when nothing is. */
  wrong: { sequence: bigint; entryId: string | null; fault: ChainFault } | null
}

export interface CheckedEntry extends ChainMark {
  id: string
  previousHash: string
  intact: boolean
}

export interface Chain {
  /** Where the log should end, and the highest number that is in it, as they are at one moment. */
  readEnd(): Promise<ChainMark & { written: bigint }>
  /** The next entries by number and id after one, up to a number, in order. None: there are no more. */
  readPart(after: { sequence: bigint; id: string }, upTo: bigint): Promise<readonly CheckedEntry[]>
}

const START = { sequence: 0n, hash: '', id: '00000000-0000-0000-0000-000000000000' }

/**
 * Goes through a chain from its beginning and answers the first entry that was edited, removed or moved, whoever did it. Of the log
 * no more is held than one part. With `mark`, a place that was noted earlier, a log that was written anew from there is told as well.
 * Entries that are added meanwhile are left for the next time.
 */
export async function verifyChain(chain: Chain, mark?: ChainMark): Promise<ChainVerification> {
  const { written, ...head } = await chain.readEnd()
  let last = START
  while (last.sequence < head.sequence) {
    const entries = await chain.readPart(last, head.sequence)
    for (const entry of entries) {
      const wrong = faultOf(entry, last, mark)
      if (wrong) return { verified: last.sequence, head, wrong }
      last = entry
    }
    if (entries.length === 0) break
  }
  const next = { sequence: last.sequence + 1n, entryId: null }
  if (last.sequence < head.sequence || (mark && mark.sequence > head.sequence)) {
    return { verified: last.sequence, head, wrong: { ...next, fault: 'missing' } }
  }
  if (last.hash !== head.hash || written > head.sequence) return { verified: last.sequence, head, wrong: { ...next, fault: 'unchained' } }
  return { verified: last.sequence, head, wrong: null }
}

function faultOf(entry: CheckedEntry, last: ChainMark, mark: ChainMark | undefined): ChainVerification['wrong'] {
  const expected = last.sequence + 1n
  if (entry.sequence > expected) return { sequence: expected, entryId: null, fault: 'missing' }
  const at = { sequence: entry.sequence, entryId: entry.id }
  if (!entry.intact) return { ...at, fault: 'edited' }
  const marked = mark?.sequence === entry.sequence && mark.hash !== entry.hash
  return entry.sequence < expected || entry.previousHash !== last.hash || marked ? { ...at, fault: 'unchained' } : null
}
