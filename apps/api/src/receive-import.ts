import type { CatalogImport } from '@souk/core/imports/list-imports.ts'
import { abandonImport, appendPart, type NewImport, openImport, PART_BYTES_MAX, sealImport } from '@souk/core/imports/upload.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'

/**
 * Takes a file in as it arrives, part by part, each in a transaction of its own: no more than a part of it is ever in memory. What
 * ends early, by the file's fault or the caller's, is thrown away.
 */
export async function receiveImport(inMerchant: InMerchant, content: AsyncIterable<Buffer>, given: NewImport): Promise<CatalogImport> {
  const { id } = await inMerchant((tx) => openImport(tx, given))
  try {
    let position = 0
    for await (const part of inParts(content, PART_BYTES_MAX)) {
      const place = position
      await inMerchant((tx) => appendPart(tx, id, place, part))
      position += 1
    }
    return await inMerchant((tx) => sealImport(tx, id))
  } catch (error) {
    // If this fails as well, the upload stops counting after a while by itself.
    await inMerchant((tx) => abandonImport(tx, id)).catch(() => {})
    throw error
  }
}

/** The same bytes in parts of one size, the last one smaller. */
export async function* inParts(content: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let length = 0
  for await (const chunk of content) {
    waiting.push(chunk)
    length += chunk.length
    if (length < size) continue
    const joined = Buffer.concat(waiting, length)
    const whole = length - (length % size)
    for (let at = 0; at < whole; at += size) yield joined.subarray(at, at + size)
    waiting = [joined.subarray(whole)]
    length -= whole
  }
  if (length > 0) yield Buffer.concat(waiting, length)
}
