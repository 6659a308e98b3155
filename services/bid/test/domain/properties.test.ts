import fc from 'fast-check'
import t from 'tap'
import { EXPECTED } from './expected.ts'
import { playRandom, type Tally } from './play-random.ts'
import { randomAuction } from './random-auctions.ts'

t.test(
  'every random auction obeys the rules, agrees with the naive model and replays',
  async (t) => {
    const tally: Tally = new Map()
    fc.assert(
      fc.property(randomAuction, (auction) => playRandom(auction, tally)),
      { numRuns: 3_000 },
    )
    const missing = EXPECTED.filter((what) => !tally.has(what))
    t.strictSame(missing, [], 'each thing that can happen did happen, or the run shows little')
  },
)
