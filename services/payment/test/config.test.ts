import t from 'tap'
import { createPayoutProviders, readPayoutMinimums, readReconcileConfig } from '#src/config.ts'

t.test(
  'minimums of payouts are amounts of their currency, one minor unit where none is set',
  async (t) => {
    const minimumOf = readPayoutMinimums('{"EUR":"10.00","JPY":"500","KWD":"1.005"}')
    t.equal(minimumOf('EUR'), 1_000n)
    t.equal(minimumOf('JPY'), 500n)
    t.equal(minimumOf('KWD'), 1_005n)
    t.equal(minimumOf('USD'), 1n)
    for (const wrong of [
      '',
      '[',
      '3',
      'null',
      '{"EUR":10}',
      '{"JPY":"1.5"}',
      '{"XXQ":"1"}',
      '{"EUR":"0"}',
    ]) {
      t.throws(() => readPayoutMinimums(wrong), wrong)
    }
  },
)

t.test('a secret that could be guessed makes no addresses for reports', async (t) => {
  const config = (secret: string) =>
    readReconcileConfig({
      POSTGRES_HOST: 'localhost',
      POSTGRES_USERNAME: 'payment',
      POSTGRES_PASSWORD: 'payment',
      POSTGRES_DATABASE: 'payment',
      PUBLIC_URL: 'http://localhost:9191',
      MOLLIE_API_KEY: 'test_key',
      MOLLIE_WEBHOOK_SECRET: secret,
    })
  t.throws(() => config('short'), /MOLLIE_WEBHOOK_SECRET/)
  t.equal(config('x'.repeat(32)).MOLLIE_API_KEY, 'test_key')
})

t.test(
  'sellers are paid by Stripe only when that is wanted, and never without a key',
  async (t) => {
    const providers = (settings: Record<string, string>) =>
      createPayoutProviders(
        readReconcileConfig({
          POSTGRES_HOST: 'localhost',
          POSTGRES_USERNAME: 'payment',
          POSTGRES_PASSWORD: 'payment',
          POSTGRES_DATABASE: 'payment',
          PUBLIC_URL: 'http://localhost:9191',
          ...settings,
        }),
      )
    const stripe = { STRIPE_SECRET_KEY: 'sk_test', STRIPE_WEBHOOK_SECRET: 'whsec' }
    t.same(providers(stripe), [])
    t.match(providers({ ...stripe, STRIPE_CONNECT: 'true' }), [{ name: 'stripe' }])
    t.throws(() => providers({ STRIPE_CONNECT: 'true' }), /STRIPE_CONNECT/)
  },
)
