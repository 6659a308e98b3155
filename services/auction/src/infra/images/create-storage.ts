import { createFolderStorage } from './folder.ts'
import type { ImageStorage } from './image-storage.ts'
import { createS3Storage } from './s3.ts'

export interface StorageConfig {
  IMAGES_FOLDER: string
  S3_BUCKET: string
  S3_REGION: string
  S3_ENDPOINT: string
  S3_ACCESS_KEY: string
  S3_SECRET_KEY: string
}

/** A bucket when one is named, else the folder. */
export function createStorage(config: StorageConfig): ImageStorage {
  if (config.S3_BUCKET === '') return createFolderStorage(config.IMAGES_FOLDER)
  return createS3Storage({
    bucket: config.S3_BUCKET,
    region: config.S3_REGION,
    endpoint: config.S3_ENDPOINT,
    accessKey: config.S3_ACCESS_KEY,
    secretKey: config.S3_SECRET_KEY,
  })
}
