import { Registry } from 'prom-client'
import t from 'tap'
import { buildOps, type OpsOptions } from '#src/process/ops.ts'

type Checks = ReturnType<OpsOptions['checks']>

async function askReadiness(checks: Checks, isStopping = false) {
  const registry = new Registry()
  const app = buildOps({ registry, checks: () => checks, isStopping: () => isStopping })
  const { statusCode, body } = await app.inject('/health/ready')
  await app.close()
  return { statusCode, body: JSON.parse(body) }
}

t.test('a check that says no, throws or never answers makes a process unready', async (t) => {
  const checks: Checks = {
    no: () => false,
    throws: () => {
      throw new Error('secret')
    },
    rejects: async () => {
      throw new Error('secret')
    },
    hangs: () => new Promise<boolean>(() => undefined),
  }
  for (const [name, check] of Object.entries(checks))
    t.strictSame(
      await askReadiness({ fine: () => true, [name]: check }),
      { statusCode: 503, body: { status: 'unavailable', checks: { fine: true, [name]: false } } },
      name,
    )
})

t.test('a process that is stopping is unready, however well it is', async (t) => {
  const fine: Checks = { fine: async () => true }
  t.match(await askReadiness(fine), { statusCode: 200, body: { status: 'ok' } })
  t.match(await askReadiness(fine, true), { statusCode: 503, body: { checks: { fine: true } } })
})
