import { readCommandLine } from '@auction/common/process/command-line.ts'
import fc from 'fast-check'
import { EXPECTED } from './domain/expected.ts'
import { playRandom, type Tally } from './domain/play-random.ts'
import { randomAuction } from './domain/random-auctions.ts'

// The long mode of the property tests: the same auctions and the same checks, many more of them.
const { values } = readCommandLine({
  help: `npm run simulate -- [--runs N] [--seed N]

Plays random auctions and checks every rule of bidding on each.`,
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const runs = wholeNumber(values.runs, 'runs')
const seed = wholeNumber(values.seed, 'seed')
const tally: Tally = new Map()
const startedAtMs = performance.now()
console.log(`${runs} random auctions, seed ${seed}`)
fc.assert(
  fc.property(randomAuction, (auction) => {
    playRandom(auction, tally)
    const played = tally.get('auctions') ?? 0
    if (played % 10_000 === 0) console.log(`  ${played} played`)
  }),
  { numRuns: runs, seed },
)
for (const [what, times] of [...tally].sort(([left], [right]) => left.localeCompare(right))) {
  console.log(`${String(times).padStart(10)}  ${what}`)
}
const missing = EXPECTED.filter((what) => !tally.has(what))
for (const what of missing) console.log(`${'0'.padStart(10)}  ${what}: never happened`)
const seconds = (performance.now() - startedAtMs) / 1000
console.log(`${runs} auctions obeyed every rule in ${seconds.toFixed(1)} s (seed ${seed})`)
if (missing.length > 0) process.exitCode = 1

function wholeNumber(text: string, name: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new RangeError(`--${name} must be a positive whole number`)
  }
  return number
}
