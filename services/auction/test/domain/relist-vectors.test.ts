import { readFileSync } from 'node:fs'
import { formatAmount } from '@auction/common/money.ts'
import t from 'tap'
import type { ItemContent } from '#src/domain/item.ts'
import { loweredPrice, nextRound } from '#src/domain/relist.ts'
import { content } from './sample.ts'

interface Relisted {
  outcome?: string
  round?: number
  startPrice?: number
  startsAtMs?: number
  endsAtMs?: number
  done?: Relisted[]
}

interface Changes {
  startPrice?: number
}

interface Vector {
  name: string
  config: {
    terms: { startPrice: number; startsAtMs: number; endsAtMs: number }
    priceDropPercent?: number
  }
  steps: { at: number; do: string; terms?: Changes; expect: Relisted }[]
}

const VECTORS: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/offers-and-relist.json', import.meta.url), 'utf8'),
)

/** The new rounds of a vector, by hand and by itself. */
const relistsOf = ({ steps }: Vector) =>
  steps.flatMap(({ at, do: act, terms, expect }) => {
    const isAutomatic = act === 'clock' && (expect.round ?? 1) > 1 && expect.outcome === 'ticked'
    const automatic = expect.done ?? (isAutomatic ? [expect] : [])
    const relisted = automatic.filter((one) => one.round !== undefined)
    const byHand = act === 'relist' && expect.outcome === 'relisted' ? [expect] : []
    return [
      ...relisted.map((one) => ({ at, terms: {} as Changes, expect: one, isAutomatic: true })),
      ...byHand.map((one) => ({ at, terms: terms ?? {}, expect: one, isAutomatic: false })),
    ]
  })

const RELISTED = VECTORS.filter((vector) => relistsOf(vector).length > 0)
t.equal(RELISTED.length, 6, 'every shared vector with a new round is here')

const NOON = Date.UTC(2027, 2, 1, 12)

/** The listing at an instant of the vectors, which count from an arbitrary zero. */
const listed = (startPrice: bigint, startsAtMs: number, endsAtMs: number): ItemContent => ({
  ...content({ startPrice: formatAmount(startPrice, 'USD') }),
  startDate: new Date(NOON + startsAtMs),
  endDate: new Date(NOON + endsAtMs),
})

for (const vector of RELISTED) {
  t.test(vector.name, async (t) => {
    const { terms, priceDropPercent = 0 } = vector.config
    let current = listed(BigInt(terms.startPrice), terms.startsAtMs, terms.endsAtMs)
    for (const { at, terms: changes, expect, isAutomatic } of relistsOf(vector)) {
      const next = nextRound(current, new Date(NOON + at))
      const startPrice = isAutomatic
        ? loweredPrice(current.startPrice, priceDropPercent)
        : BigInt(changes.startPrice ?? next.startPrice)
      current = { ...next, startPrice }
      const shown = {
        startPrice: Number(startPrice),
        startsAtMs: current.startDate.getTime() - NOON,
        endsAtMs: current.endDate.getTime() - NOON,
      }
      t.match(shown, {
        ...(expect.startPrice === undefined ? {} : { startPrice: expect.startPrice }),
        ...(expect.startsAtMs === undefined ? {} : { startsAtMs: expect.startsAtMs }),
        ...(expect.endsAtMs === undefined ? {} : { endsAtMs: expect.endsAtMs }),
      })
      t.equal(shown.endsAtMs - shown.startsAtMs, terms.endsAtMs - terms.startsAtMs)
    }
  })
}

t.test('a start price falls to one minor unit at least', async (t) => {
  t.equal(loweredPrice(1_000n, 10), 900n)
  t.equal(loweredPrice(999n, 10), 899n, 'rounded down')
  t.equal(loweredPrice(1n, 90), 1n)
  t.equal(loweredPrice(1_000n, 0), 1_000n)
})
