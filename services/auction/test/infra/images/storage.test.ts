import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createStorage } from '#src/infra/images/create-storage.ts'
import { createFolderStorage } from '#src/infra/images/folder.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import { createS3Storage } from '#src/infra/images/s3.ts'
import { startS3 } from '#test/s3-server.ts'

type Test = { [K in 'equal' | 'ok']: (typeof t)[K] }

async function keepsObjects(t: Test, storage: ImageStorage) {
  const bytes = Buffer.from([0, 255, 13, 10, 0])
  t.equal(await storage.read('a.small.webp'), undefined, 'what is not there is undefined')
  await storage.put('a.small.webp', bytes)
  await storage.put('a.large.webp', Buffer.alloc(300_000, 7))
  t.ok((await storage.read('a.small.webp'))?.equals(bytes))
  t.equal((await storage.read('a.large.webp'))?.length, 300_000)
  await storage.put('a.small.webp', Buffer.from('new'))
  t.equal(String(await storage.read('a.small.webp')), 'new', 'put again, it is replaced')
  const keys = ['a.small.webp', 'a.large.webp', 'never.webp']
  await storage.remove(keys)
  await storage.remove(keys)
  for (const key of keys) t.equal(await storage.read(key), undefined, key)
  await storage.remove([])
}

t.test('a folder stores objects', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'auction-storage-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await keepsObjects(t, createFolderStorage(join(folder, 'made', 'when needed')))
  t.strictSame(await readdir(join(folder, 'made', 'when needed')), [])
})

t.test('a bucket of an S3 server stores objects', async (t) => {
  const settings = await startS3(t)
  const storage = createS3Storage(settings)
  t.teardown(() => storage.close())
  await keepsObjects(t, storage)
  const elsewhere = createS3Storage({ ...settings, bucket: 'unknown' })
  t.teardown(() => elsewhere.close())
  await t.rejects(elsewhere.put('a.webp', Buffer.from('x')), { name: 'NoSuchBucket' })
  await t.rejects(elsewhere.read('a.webp'), { name: 'NoSuchBucket' }, 'not the same as no object')
  await settings.stop()
  await t.rejects(storage.read('a.small.webp'), 'a server that is away is not an empty one')
  await t.rejects(storage.remove(['a.small.webp']))
})

t.test('a bucket that is set is used instead of the folder', async (t) => {
  const { stop: _, ...s3 } = await startS3(t)
  const config = {
    IMAGES_FOLDER: join(tmpdir(), 'nothing-is-written-here'),
    S3_BUCKET: s3.bucket,
    S3_REGION: s3.region,
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY: s3.accessKey,
    S3_SECRET_KEY: s3.secretKey,
  }
  await createStorage(config).put('a.webp', Buffer.from('x'))
  const storage = createS3Storage(s3)
  t.teardown(() => storage.close())
  t.equal(String(await storage.read('a.webp')), 'x')
})
