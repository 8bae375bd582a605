import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

/** For tests: an S3 server of another's making, with one bucket in a folder, at 127.0.0.1. */
export interface S3Server {
  endpoint: string
  bucket: string
  credentials: { accessKeyId: string; secretAccessKey: string }
  close(): Promise<void>
}

interface S3rver {
  configureBuckets(): Promise<void>
  callback(): RequestListener
}

// It brings no types, and is what the file exports itself.
const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as new (options: {
  directory: string
  silent: boolean
  allowMismatchedSignatures: boolean
  configureBuckets: { name: string; configs: string[] }[]
}) => S3rver

const BUCKET = 'backups'

export async function startS3Server(directory: string): Promise<S3Server> {
  const s3 = new S3rver({
    directory,
    silent: true,
    // It takes a bucket's address to be without the slash at its end that the SDK has signed: lists would be refused.
    allowMismatchedSignatures: true,
    configureBuckets: [{ name: BUCKET, configs: [] }],
  })
  await s3.configureBuckets()
  const web = createServer(s3.callback())
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(web.address() as AddressInfo).port}`,
    bucket: BUCKET,
    // It knows no others.
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    close: async () => {
      web.closeAllConnections()
      await new Promise((resolve) => web.close(resolve))
    },
  }
}
