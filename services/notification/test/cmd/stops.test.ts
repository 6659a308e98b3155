import { randomUUID } from 'node:crypto'
import { openLiveClient } from '@auction/common/testing/live-client.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { createWorld } from '#test/helper.ts'
import { placed } from '#test/live-helper.ts'
import { createNeighbours, startProcess, stop, workerSettings } from '#test/processes.ts'

/** Below the 25 seconds after which a stop is given up. */
const STOP_MAX_MS = 20_000

const LOSSES = [
  { loss: 'stop', title: 'refuses connections' },
  { loss: 'stall', title: 'is gone without a word' },
] as const

for (const { loss, title } of LOSSES) {
  t.test(`both processes stop in good order while the broker ${title}`, async (t) => {
    const world = await createWorld(t)
    const { broker, publish } = await createNeighbours(t)
    const settings = { ...workerSettings(world, broker), JWKS_URL: 'http://127.0.0.1:1/jwks.json' }
    const worker = await startProcess(t, 'worker', settings)
    const api = await startProcess(t, 'api', settings)
    const itemId = randomUUID()
    const client = openLiveClient({ urls: [api.url], lots: [itemId] })
    t.teardown(() => client.close())
    await waitFor('the stream', () => client.isOpen())
    await publish([placed({ itemId, sequence: 1 })])
    await waitFor('the price', () => client.lots.get(itemId)?.sequence === 1)
    const isReading = async () => {
      const text = await (await fetch(`${api.opsUrl}/metrics`)).text()
      return /^live_stream_reading\S* 1$/m.test(text)
    }
    t.ok(await isReading())
    await broker.network[loss]()
    if (loss === 'stop') await waitFor('the loss', async () => !(await isReading()))
    t.ok(client.isOpen(), 'streams stay open')
    const stopped = async ({ process }: typeof api) => {
      const fromMs = performance.now()
      await stop(process)
      const tookMs = performance.now() - fromMs
      t.equal(process.exitCode, 0)
      t.ok(tookMs < STOP_MAX_MS, `${Math.round(tookMs)} ms`)
    }
    await Promise.all([stopped(api), stopped(worker)])
    await waitFor('the end of the stream', () => !client.isOpen())
  })
}
