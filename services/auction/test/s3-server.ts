import { spawn } from 'node:child_process'
import type { Teardown } from '@auction/common/testing/database.ts'
import { freePort } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Settings } from '#src/infra/images/s3.ts'

/** A server that speaks S3, in a process of its own, with one empty bucket. */
export async function startS3(t: Teardown): Promise<S3Settings & { stop(): Promise<void> }> {
  const program = process.env.TEST_S3_SERVER
  if (program === undefined) throw new Error('TEST_S3_SERVER names no program')
  const port = await freePort()
  const child = spawn(program, ['-H', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  t.teardown(stop)
  const endpoint = `http://127.0.0.1:${port}`
  await waitFor('the S3 server', async () => {
    if (child.exitCode !== null) throw new Error(`the S3 server ended with code ${child.exitCode}`)
    return (await fetch(endpoint).catch(() => undefined))?.ok
  })
  const settings = { region: 'us-east-1', endpoint, accessKey: 'key', secretKey: 'secret' }
  const client = new S3Client({
    region: settings.region,
    endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  })
  await client.send(new CreateBucketCommand({ Bucket: 'images' }))
  client.destroy()
  return { ...settings, bucket: 'images', stop }
}
