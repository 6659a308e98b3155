import { readFileSync } from 'node:fs'
import { formatAmount } from '@auction/common/money.ts'
import t from 'tap'
import type { ItemContent, ItemType } from '#src/domain/item.ts'
import { listingProblem } from '#src/domain/listing.ts'
import { content, LIMITS } from './sample.ts'

interface Terms {
  type: ItemType
  startPrice: number
  buyNowPrice: number
  reservePrice?: number
}

interface Vector {
  name: string
  config: Terms
  steps: { do: string; terms?: Partial<Terms>; expect: { outcome: string; code?: string } }[]
}

const VECTORS: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/buy-now.json', import.meta.url), 'utf8'),
)

const CODES = new Map([
  ['too_close_to_start_price', 'buy_now_too_close_to_start'],
  ['not_above_reserve_price', 'buy_now_not_above_reserve'],
  ['not_for_this_type', 'buy_now_not_for_this_type'],
])

const CREATING = VECTORS.filter(({ steps }) => steps.some((step) => step.do === 'create'))
t.equal(CREATING.length, 3, 'every shared vector of a listing is here')

const money = (minor: number) => formatAmount(BigInt(minor), 'USD')

const listed = ({ type, startPrice, buyNowPrice, reservePrice }: Terms): ItemContent =>
  content({
    type,
    startPrice: money(startPrice),
    buyoutPrice: money(buyNowPrice),
    ...(reservePrice === undefined ? {} : { reservePrice: money(reservePrice) }),
  })

for (const { name, config, steps } of CREATING) {
  t.test(name, async (t) => {
    for (const { terms, expect } of steps) {
      const problem = listingProblem(listed({ ...config, ...terms }), LIMITS)
      t.equal(problem && CODES.get(problem.reason), expect.code)
    }
  })
}

t.test('a reservation needs a buy-now price, and time to pay', async (t) => {
  const problem = (changes: Parameters<typeof content>[0]) =>
    listingProblem(content(changes), LIMITS)?.reason
  t.equal(problem({ buyoutPrice: '500', buyoutReservationMinutes: 5 }), undefined)
  t.equal(problem({ buyoutPrice: '500', buyoutReservationMinutes: 4 }), 'too_short')
  t.equal(problem({ buyoutReservationMinutes: 10 }), 'without_buyout_price')
})
