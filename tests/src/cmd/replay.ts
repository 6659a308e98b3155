import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { positive } from '#src/options.ts'
import { withOwnPlatform } from '#src/own-platform.ts'
import { readAuctions } from '#src/replay/ebay-auctions.ts'
import { judgedPrice, readExpected } from '#src/replay/expected.ts'
import { createProgress } from '#src/replay/progress.ts'
import { type ReplayedAuction, replay } from '#src/replay/replay.ts'

const HELP = `npm run replay -- [FILE] [--expected FILE] [--gateway URL] [--seconds N] [--auctions N]

Plays the auctions of a CSV (tests/data/ebay-cartier-auctions.csv) through the public API, and compares each
hammer price with what is expected: the prices of --expected ({"<id>": {"price": "12.50"}}), those of a reference
in Python for the file that comes with it, or what the rules of bidding make of the recorded bids.

It measures how fast bids are answered, plays as fast as that allows, and slows down while bids fall behind. An
auction that was late is played again, slower, up to twice.

  --gateway URL   a platform that runs; without it one is started and stopped
  --seconds N     no auction is shorter (6); a platform's own least duration, for example
  --auctions N    only the first N

The code is 1 when an auction does not end as expected, or when it was late each time.`

const { values, positionals } = readCommandLine({
  help: HELP,
  wordsMax: 1,
  options: {
    expected: { type: 'string' },
    gateway: { type: 'string' },
    seconds: { type: 'string' },
    auctions: { type: 'string' },
  },
})

const data = (name: string) => fileURLToPath(new URL(`../../data/${name}`, import.meta.url))
// npm runs this in tests/; a file is named from where the command was given.
const named = (path: string) => {
  const there = resolve(process.env.INIT_CWD ?? '.', path)
  return existsSync(there) ? there : resolve(path)
}
const ours = data('ebay-cartier-auctions.csv')
const file = positionals[0] === undefined ? ours : named(positionals[0])
const expectedFile =
  values.expected === undefined
    ? file === ours
      ? data('ebay-expected.json')
      : undefined
    : named(values.expected)
const recorded = readAuctions(file)
const auctions = recorded.slice(
  0,
  values.auctions === undefined ? recorded.length : positive('auctions', values.auctions),
)
if (auctions.length === 0) refuse(`There are no auctions in ${file}`)
const prices = expectedFile === undefined ? undefined : readExpected(expectedFile)
const unknown = auctions.find(({ id }) => prices?.has(id) === false)
if (unknown !== undefined) refuse(`${expectedFile} has no auction ${unknown.id}`)
const expected = new Map(
  auctions.map((auction) => [
    auction.id,
    prices === undefined ? judgedPrice(auction) : prices.get(auction.id),
  ]),
)
const progress = createProgress()
const options = {
  progress,
  ...(values.seconds === undefined
    ? {}
    : { shortestMs: positive('seconds', values.seconds) * 1000 }),
}
const bids = auctions.reduce((sum, auction) => sum + auction.bids.length, 0)
progress.line(`${auctions.length} auctions with ${bids} bids`)

const play = (gatewayUrl: string) => replay(auctions, { ...options, gatewayUrl })
if (values.gateway !== undefined) report(await play(values.gateway))
else {
  progress.line('starting a platform of its own')
  report(await withOwnPlatform({ name: 'replay' }, ({ gatewayUrl }) => play(gatewayUrl)))
}

function report(replayed: ReplayedAuction[]): void {
  const sold = new Map(auctions.map(({ id, price }) => [id, price]))
  const wrong = replayed.filter(
    ({ id, outcome, actual }) => outcome === 'ended' && actual !== expected.get(id),
  )
  for (const { id, actual } of wrong) {
    console.log(`${id} WRONG: ${actual ?? 'no price'} instead of ${expected.get(id)}`)
  }
  for (const { id, outcome, problem } of replayed) {
    if (outcome !== 'ended') console.log(`${id} ${outcome}: ${problem}`)
  }
  const ended = replayed.filter(({ outcome }) => outcome === 'ended')
  const count = (outcome: ReplayedAuction['outcome']) =>
    replayed.filter((auction) => auction.outcome === outcome).length
  const against = (sign: number) =>
    ended.filter(({ id, actual }) => Math.sign(Number(actual ?? 0) - Number(sold.get(id))) === sign)
      .length
  console.log(`${ended.length - wrong.length} of ${replayed.length} end as expected`)
  console.log(
    `${against(0)} at the price on eBay, ${against(-1)} below it, ${against(1)} above it, ${count('broken')} broken, ${count('late')} late`,
  )
  if (wrong.length + count('broken') + count('late') > 0) process.exitCode = 1
}
