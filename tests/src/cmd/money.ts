import { setTimeout as wait } from 'node:timers/promises'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import type { Platform } from '@auction/local/platform.ts'
import { createClient } from '#src/api-client.ts'
import { makeAdmin } from '#src/console.ts'
import { type Chance, createChance } from '#src/crash/history.ts'
import { checkMoney, type MoneyCounts, moneyFaults, settleMoney } from '#src/money/check.ts'
import { isSending, startLapse } from '#src/money/lapse.ts'
import { type MoneyLoad, setUpMoney, startMoneyLoad } from '#src/money/load.ts'
import { positive } from '#src/options.ts'
import { withOwnPlatform } from '#src/own-platform.ts'
import { join } from '#src/people.ts'

const HELP = `npm run money -- [--payments N] [--rounds N] [--at-once N] [--seed N] [--keep]

Buyers pay orders while the payment provider of this machine loses answers, refuses, repeats and reorders its reports,
and each round kills one process of payment or order, PostgreSQL or RabbitMQ with -9 and starts it again. Some buyers
cancel, some orders are cancelled, some are refunded. Orders are completed, and their sellers are paid out meanwhile, every few
seconds as if an hour had passed; some kills wait for a payout to be sent. Then the provider, the payments, the ledger, the orders
and what sellers got are compared.`

const TARGETS = [
  'payment-api',
  'payment-worker',
  'payment-worker in a payout',
  'order-api',
  'order-worker',
  'postgres',
  'rabbitmq',
] as const
const BUYERS = 10
const SELLERS = 8
const FAULTS = [
  { kind: 'lose_answer', on: '^POST /v1/', probability: 0.1 },
  { kind: 'hang', on: '^POST /v1/', probability: 0.03 },
  { kind: 'drop', probability: 0.05 },
  { kind: 'error', probability: 0.05 },
  { kind: 'rate_limited', probability: 0.03 },
]

const { values } = readCommandLine({
  help: HELP,
  options: {
    payments: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '20' },
    'at-once': { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const payments = positive('payments', values.payments)
const rounds = positive('rounds', values.rounds)
const atOnce = positive('at-once', values['at-once'])

const isFine = await withOwnPlatform<boolean>(
  {
    name: 'money',
    log: (line) => console.log(`  ${line}`),
    onFolder: (stateDir) =>
      console.log(`seed ${seed}, ${payments} payments, ${rounds} rounds, state in ${stateDir}`),
    env: { '*': { STRIPE_TIMEOUT_MS: '1000' } },
    rateFactor: 1_000,
    keeps: (isRight) => values.keep || isRight !== true,
  },
  run,
)
process.exit(isFine ? 0 : 1)

async function run(platform: Platform): Promise<boolean> {
  const client = createClient({ baseUrl: platform.gatewayUrl })
  const chance = createChance(seed)
  try {
    const people = await Promise.all(
      Array.from({ length: 1 + SELLERS + BUYERS }, (_, index) =>
        join(client, `person ${index}`, `money-${seed}-${index}`),
      ),
    )
    const [admin, ...traders] = people
    if (admin === undefined) throw new Error('there is no administrator')
    const [sellers, buyers] = [traders.slice(0, SELLERS), traders.slice(SELLERS)]
    makeAdmin(platform.postgres.url('identity'), admin.email)
    await setUpMoney(client, admin, sellers)
    await control(platform, 'faults', { faults: FAULTS })
    await control(platform, 'webhooks', { copies: 2, jitterMs: 3_000 })
    const load = startMoneyLoad({
      places: platform,
      client,
      buyers,
      sellers,
      admin,
      chance,
      payments,
      atOnce,
    })
    const lapse = startLapse(platform)
    try {
      const kills = await killInTurn(platform, chance, load)
      await load.done
      await control(platform, 'reset', {})
      const waiting = await settleMoney(platform)
      return report(await checkMoney(platform), load, kills, waiting)
    } finally {
      await lapse.stop()
    }
  } finally {
    client.close()
  }
}

async function control({ sandbox }: Platform, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${sandbox.url}/sandbox/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}`)
}

/** Waits until so many rounds' share of the buyers have come to an end: the last ones meet kills too. */
async function untilShare(load: MoneyLoad, roundsDone: number): Promise<void> {
  while (load.ended() < (payments * roundsDone) / rounds) await wait(50)
}

/** Kills one after the other as long as buyers pay. */
async function killInTurn(platform: Platform, chance: Chance, load: MoneyLoad): Promise<string[]> {
  const kills: string[] = []
  let left: string[] = []
  while (kills.length < rounds && load.ended() < payments) {
    if (left.length === 0) left = chance.shuffled([...TARGETS])
    const target = left.pop() ?? 'payment-worker'
    await untilShare(load, kills.length)
    await wait(500 + chance.below(3_000))
    const name = target.split(' ')[0] ?? target
    // A payout that is being sent, if one comes soon.
    const isInPayout = target !== name && (await isSending(platform))
    await platform.kill(name)
    await wait(chance.below(1_500))
    await platform.restart(name)
    kills.push(isInPayout ? target : name)
    console.log(`round ${kills.length}  ${target}, ${load.ended()} buyers came to an end`)
  }
  return kills
}

function report(counts: MoneyCounts, load: MoneyLoad, kills: string[], waiting: number): boolean {
  const problems = load.attempts.filter(({ problem }) => problem !== undefined)
  const wrong: Record<string, number> = {
    ...moneyFaults(counts, waiting),
    'buyers without an end': problems.length,
  }
  const lines: [string, unknown][] = [
    ['kills', kills.length],
    ['buyers', load.attempts.length],
    ['payments', JSON.stringify(counts.payments)],
    ['kills in a payout', kills.filter((name) => name.endsWith('payout')).length],
    ['refunds', JSON.stringify(counts.refunds)],
    ['orders completed', counts.completed],
    ['payouts', JSON.stringify(counts.payouts)],
    ['asked back of sellers', JSON.stringify(counts.reversals)],
    ...Object.entries(wrong),
  ]
  for (const [name, value] of lines) console.log(`${name.padEnd(26)} ${String(value)}`)
  for (const { orderId, does, state, problem } of problems.slice(0, 20)) {
    console.log(`  ${orderId} ${does}, ${state}: ${problem}`)
  }
  for (const difference of counts.verified.slice(0, 20)) console.log(`  ${difference}`)
  // A run in which nothing was killed, paid or paid out proves nothing.
  const isMeaningful =
    kills.length > 0 && (counts.payments.captured ?? 0) > 0 && (counts.payouts.done ?? 0) > 0
  return isMeaningful && Object.values(wrong).every((count) => count === 0)
}
