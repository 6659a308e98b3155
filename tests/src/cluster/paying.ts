import { randomBytes } from 'node:crypto'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { type Sandbox, startSandbox } from '@auction/local/sandbox/server.ts'
import { createClient } from '#src/api-client.ts'
import { makeAdmin } from '#src/console.ts'
import { createChance } from '#src/crash/history.ts'
import { checkMoney, moneyFaults, settleMoney } from '#src/money/check.ts'
import { startLapse } from '#src/money/lapse.ts'
import { setUpMoney, startMoneyLoad } from '#src/money/load.ts'
import { join } from '#src/people.ts'
import type { Cluster } from './commands.ts'
import { CHARTS, openWays, RESULTS, servicesOf } from './installation.ts'
import type { Court } from './judging.ts'
import { type Watch, watched } from './traffic.ts'

const SECRET = 'payment-sandbox'
const BUYERS = 6
const SELLERS = 4
const AT_ONCE = 4

/** The payment provider of this machine, for pods of a cluster. */
export interface Provider {
  sandbox: Sandbox
  /** Values of the platform with which payment calls it. */
  values: string[]
}

/** Whether these charts install payment. */
export function takesPayments(charts = CHARTS): boolean {
  return servicesOf(charts).some(({ name }) => name === 'payment')
}

/** Starts the provider where pods reach it, and gives the namespace its keys. */
export async function openProvider({ cluster, gateway, hostAddress }: Court): Promise<Provider> {
  const { secretKey, webhookSecret } = await keysOf(cluster)
  const address = hostAddress ?? (await addressOfNode(cluster))
  // It reports to the gateway as providers do, which have the authorities of their system.
  if (gateway.ca !== undefined)
    setDefaultCACertificates([...getCACertificates('default'), gateway.ca])
  const sandbox = await startSandbox({
    secretKey,
    address,
    file: await stateFile(cluster),
    webhook: { url: `${gateway.baseUrl}/webhooks/payments/stripe`, secret: webhookSecret },
  }).catch((cause: unknown) => {
    const hint = 'pods reach this machine by another address: --host-address names it'
    throw new Error(`the payment provider cannot listen on ${address}; ${hint}`, { cause })
  })
  const keys = { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret }
  const metadata = { name: SECRET }
  await cluster.apply(
    JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: keys }),
  )
  const to = [{ ipBlock: { cidr: `${address}/${address.includes(':') ? 128 : 32}` } }]
  const egress = [{ ports: [{ port: Number(new URL(sandbox.url).port) }], to }]
  const config = { STRIPE_API_URL: sandbox.url, PAYOUT_INTERVAL_HOURS: 1 }
  return {
    sandbox,
    values: [
      `--set=payment.stripe.existingSecret=${SECRET}`,
      '--set=payment.stripe.connect.enabled=true',
      // The sandbox signs all of its reports with one secret.
      '--set=payment.stripe.connect.hasWebhookSecret=false',
      `--set-json=payment.config=${JSON.stringify(config)}`,
      `--set-json=payment.extraEgress=${JSON.stringify(egress)}`,
    ],
  }
}

/** Those of an earlier run: pods that are there already have read them. */
async function keysOf({ kubectl, secret }: Cluster) {
  const found = await kubectl('get', 'secret', SECRET, '--ignore-not-found', '--output=name')
  if (found.trim() !== '') {
    const [secretKey, webhookSecret] = await Promise.all(
      ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'].map((key) => secret(SECRET, key)),
    )
    return { secretKey: secretKey ?? '', webhookSecret: webhookSecret ?? '' }
  }
  const random = () => randomBytes(16).toString('hex')
  return { secretKey: `sk_test_${random()}`, webhookSecret: `whsec_${random()}` }
}

/** The provider remembers what it took of an installation: a later run compares all of it again. */
async function stateFile({ namespace, kubectl }: Cluster): Promise<string> {
  const uid = await kubectl('get', 'namespace', namespace, '--output=jsonpath={.metadata.uid}')
  return `${RESULTS}/sandbox/${uid.trim()}.jsonl`
}

async function addressOfNode({ get }: Cluster): Promise<string> {
  const { items } = await get<{
    items: { status: { addresses: { type: string; address: string }[] } }[]
  }>('nodes')
  const found = items[0]?.status.addresses.find(({ type }) => type === 'InternalIP')
  if (found === undefined) throw new Error('the first node has no address')
  return found.address
}

export interface Paying {
  /** Buyers who have paid. */
  paid(): number
  /** Lets what is under way come to its end and compares the provider, payments, ledger and orders. */
  judge(): Promise<void>
  close(): Promise<void>
}

/** Buyers pay orders, are refunded, and sellers are paid out, all the while. */
export async function startPaying(
  { cluster, gateway, log, fail }: Court,
  { sandbox }: Provider,
  watch: Watch,
): Promise<Paying> {
  const ways = await openWays(cluster)
  const places = { postgres: { url: ways.databaseUrl }, sandbox }
  const client = watched(createClient(gateway), watch)
  const unique = Date.now().toString(36)
  const people = await Promise.all(
    Array.from({ length: 1 + SELLERS + BUYERS }, (_, index) =>
      join(client, `person ${index}`, `paying-${unique}-${index}`),
    ),
  )
  const [admin, ...traders] = people
  if (admin === undefined) throw new Error('there is no administrator')
  makeAdmin(ways.databaseUrl('identity'), admin.email)
  const sellers = traders.slice(0, SELLERS)
  await setUpMoney(client, admin, sellers)
  const load = startMoneyLoad({
    places,
    client,
    buyers: traders.slice(SELLERS),
    sellers,
    admin,
    chance: createChance(Date.now()),
    payments: Number.POSITIVE_INFINITY,
    atOnce: AT_ONCE,
  })
  const lapse = startLapse(places)
  return {
    paid: () => load.attempts.filter(({ state }) => state === 'captured').length,
    async judge() {
      await load.stop()
      const waiting = await settleMoney(places)
      const counts = await checkMoney(places)
      const { payments, refunds, payouts, reversals } = counts
      log(`  ${load.attempts.length} buyers: payments ${JSON.stringify(payments)},`)
      log(`    refunds ${JSON.stringify(refunds)}, payouts ${JSON.stringify(payouts)}`)
      log(`    asked back of sellers ${JSON.stringify(reversals)}`)
      for (const { does, state, problem } of load.attempts) {
        if (problem !== undefined) fail(`a buyer who ${does} came to no end (${state}): ${problem}`)
        else if (does === 'pays' && state !== 'captured') fail(`a buyer who paid is ${state}`)
      }
      if ((payouts.done ?? 0) === 0) fail('no seller was paid out')
      for (const [what, count] of Object.entries(moneyFaults(counts, waiting)))
        if (count !== 0) fail(`${what}: ${count}`)
    },
    async close() {
      await Promise.all([load.stop(), lapse.stop()])
      client.close()
      ways.close()
    },
  }
}
