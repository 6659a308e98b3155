import {
  DeleteObjectsCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { ImageStorage } from './image-storage.ts'

const CONNECT_TIMEOUT_MS = 2_000
const REQUEST_TIMEOUT_MS = 5_000
const ATTEMPTS_MAX = 2
const SOCKETS_MAX = 50

export interface S3Settings {
  bucket: string
  region: string
  /** Empty: the vendor's own address of the region. */
  endpoint: string
  /** Both empty: the credentials of the machine, such as the role of a service account. */
  accessKey: string
  secretKey: string
}

export interface S3Storage extends ImageStorage {
  close(): void
}

/** Objects in a bucket of an S3-compatible store. The operator creates the bucket. */
export function createS3Storage(settings: S3Settings): S3Storage {
  const { bucket: Bucket, region, endpoint, accessKey, secretKey } = settings
  const client = new S3Client({
    region,
    ...(endpoint === '' ? {} : { endpoint, forcePathStyle: true }),
    ...(accessKey === ''
      ? {}
      : { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
    maxAttempts: ATTEMPTS_MAX,
    // Not every server knows the newer checksums; TLS and the signature protect the transfer.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: SOCKETS_MAX },
      httpsAgent: { maxSockets: SOCKETS_MAX },
    },
  })
  return {
    async put(Key, Body) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'image/webp' }))
    },
    async read(Key) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
        return Body === undefined ? undefined : Buffer.from(await Body.transformToByteArray())
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined
        throw error
      }
    },
    async remove(keys) {
      if (keys.length === 0) return
      const { Errors: [first] = [] } = await client.send(
        new DeleteObjectsCommand({
          Bucket,
          Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
        }),
      )
      // The answer is 200 even when no object could be deleted.
      if (first !== undefined) throw new Error(`object ${first.Key} was not deleted: ${first.Code}`)
    },
    close: () => client.destroy(),
  }
}
