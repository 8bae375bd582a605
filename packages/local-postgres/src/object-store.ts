import type { Readable } from 'node:stream'
import { DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'

export interface StoreSettings {
  bucket: string
  /** Before every name, without a slash at its end; '' for none. */
  prefix: string
  /** Where the store is, if it is not Amazon's. */
  endpoint?: string
  region?: string
  /** Undefined: as the SDK finds them (environment, profile, role of the machine). */
  credentials?: { accessKeyId: string; secretAccessKey: string }
}

/** What is known of an object without reading it: of what is in it before it was compressed. */
export interface ObjectFacts {
  sha256: string
}

const REGION_DEFAULT = 'us-east-1'
// At most 10,000 parts make an object: 320 GB.
const PART_BYTES = 32 * 1024 * 1024
const PARTS_AT_ONCE = 2
const ATTEMPTS_MAX = 5
const REMOVED_AT_ONCE = 1_000

/** A folder of objects in an S3-compatible store. An object is there when it is whole: a put that breaks off leaves none. */
export class ObjectStore {
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string

  constructor({ bucket, prefix, endpoint, region = REGION_DEFAULT, credentials }: StoreSettings) {
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.#client = new S3Client({
      region,
      maxAttempts: ATTEMPTS_MAX,
      // Stores other than Amazon's do not all know its newer checksums; ours are in the objects' own facts.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      ...(credentials && { credentials }),
    })
  }

  async put(name: string, content: Readable | Buffer, facts?: ObjectFacts): Promise<void> {
    const upload = new Upload({
      client: this.#client,
      params: { ...this.#named(name), Body: content, ...(facts && { Metadata: { sha256: facts.sha256 } }) },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
      leavePartsOnError: false,
    })
    await upload.done()
  }

  /** Undefined for an object that there is not. */
  async facts(name: string): Promise<ObjectFacts | undefined> {
    try {
      const { Metadata } = await this.#client.send(new HeadObjectCommand(this.#named(name)))
      return { sha256: Metadata?.sha256 ?? '' }
    } catch (error) {
      if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return undefined
      throw error
    }
  }

  async get(name: string): Promise<Readable> {
    const { Body } = await this.#client.send(new GetObjectCommand(this.#named(name)))
    return Body as Readable
  }

  /** The names that begin so, in their order. */
  async list(beginning: string): Promise<string[]> {
    const names: string[] = []
    let after: string | undefined
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix + beginning, ContinuationToken: after }),
      )
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) names.push(Key.slice(this.#prefix.length))
      after = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (after !== undefined)
    return names.sort()
  }

  async remove(names: readonly string[]): Promise<void> {
    for (let first = 0; first < names.length; first += REMOVED_AT_ONCE) {
      const Objects = names.slice(first, first + REMOVED_AT_ONCE).map((name) => ({ Key: this.#prefix + name }))
      const { Errors = [] } = await this.#client.send(new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } }))
      if (Errors[0]) throw new Error(`The store did not remove ${Errors[0].Key}: ${Errors[0].Message ?? Errors[0].Code}`)
    }
  }

  close(): void {
    this.#client.destroy()
  }

  #named(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + name }
  }
}
