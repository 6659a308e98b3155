import t from 'tap'
import { effectiveThresholdMinutes, hardEndDate } from '#src/domain/item.ts'
import {
  type ListingInput,
  listingInput,
  listingLimits,
  listingProblem,
  publishProblem,
  readListing,
  startProblem,
} from '#src/domain/listing.ts'
import { content, LIMITS, listing, minutesAfter, NOON } from './sample.ts'

const refusal = (changes: Partial<ListingInput>) => {
  const read = readListing(listing(changes))
  return read.ok ? undefined : `${read.field} ${read.reason}`
}

t.test('amounts are decimal strings, exact in the currency of the listing', async (t) => {
  t.equal(content().startPrice, 10_000n)
  t.equal(content({ currencyCode: 'JPY', startPrice: '100' }).startPrice, 100n)
  t.equal(content({ currencyCode: 'KWD', startPrice: '1.005' }).startPrice, 1_005n)
  t.equal(refusal({ currencyCode: 'JPY' }), 'startPrice too_many_decimals')
  t.equal(refusal({ currencyCode: 'XYZ' }), 'currencyCode unknown_currency')
  for (const text of ['1e3', '-0', '-1', '١٠', '１０', '1 0', '10.', '.5', '1,000', '0x10', '']) {
    t.equal(refusal({ startPrice: text }), 'startPrice format', text)
    t.equal(refusal({ bidIncrement: text }), 'bidIncrement format', text)
  }
  t.equal(refusal({ startPrice: '0.00' }), 'startPrice not_positive')
  t.equal(refusal({ bidIncrement: '0' }), 'bidIncrement not_positive')
  t.equal(refusal({ reservePrice: '0' }), 'reservePrice not_positive')
  t.equal(refusal({ buyoutPrice: '99999999999999' }), 'buyoutPrice too_large')
  t.equal(refusal({ buyoutPrice: '9'.repeat(33) }), 'buyoutPrice too_long')
})

t.test('a title has 1 to 200 characters, and none that controls the text around it', async (t) => {
  t.equal(content({ name: '  Silver spoon ' }).name, 'Silver spoon')
  t.equal(refusal({ name: '   ' }), 'name empty')
  t.equal(refusal({ name: '🥄'.repeat(200) }), undefined)
  t.equal(refusal({ name: 'x'.repeat(201) }), 'name too_long')
  for (const character of ['\u0000', '\n', '\u001b', '\u202e', '\u2028', '\ud800']) {
    t.equal(refusal({ name: `a${character}b` }), 'name forbidden_characters')
  }
})

t.test('a description has lines and at most 10,000 characters', async (t) => {
  t.equal(refusal({ description: 'one\r\n\ttwo' }), undefined)
  t.equal(refusal({ description: 'é'.repeat(10_000) }), undefined)
  t.equal(refusal({ description: 'x'.repeat(10_001) }), 'description too_long')
  t.equal(refusal({ description: 'a\u0000b' }), 'description forbidden_characters')
  t.equal(refusal({ description: 'a\u202eb' }), 'description forbidden_characters')
})

t.test('instants must exist', async (t) => {
  t.equal(refusal({ startDate: '2027-06-30T23:59:60Z' }), 'startDate not_an_instant')
  t.equal(refusal({ endDate: 'tomorrow' }), 'endDate not_an_instant')
})

t.test('on the day the clocks change an auction has the hours that pass', async (t) => {
  const { startDate, endDate } = content({
    startDate: '2027-03-14T01:30:00-05:00',
    endDate: '2027-03-15T01:30:00-04:00',
  })
  t.equal(startDate.toISOString(), '2027-03-14T06:30:00.000Z')
  t.equal((endDate.getTime() - startDate.getTime()) / 3_600_000, 23)
})

t.test('a reserve is not below the start price', async (t) => {
  const problem = (reservePrice: string) => listingProblem(content({ reservePrice }), LIMITS)
  t.equal(problem('100.00'), undefined)
  t.strictSame(problem('99.99'), { field: 'reservePrice', reason: 'below_start_price' })
})

t.test(
  'a buy-now price is at least 1.30 times the start price and above the reserve',
  async (t) => {
    const problem = (fields: Partial<ListingInput>) =>
      listingProblem(content(fields), LIMITS)?.reason
    t.equal(problem({ buyoutPrice: '130.00' }), undefined)
    t.equal(problem({ buyoutPrice: '129.99' }), 'too_close_to_start_price')
    t.equal(problem({ buyoutPrice: '130.00', reservePrice: '130.00' }), 'not_above_reserve_price')
    t.equal(problem({ buyoutPrice: '130.01', reservePrice: '130.00' }), undefined)
  },
)

t.test('an auction lasts from 30 minutes to 30 days', async (t) => {
  const problem = (minutes: number) =>
    listingProblem(content({ endDate: minutesAfter(NOON, minutes).toISOString() }), LIMITS)?.reason
  t.equal(problem(0), 'not_after_start')
  t.equal(problem(-1), 'not_after_start')
  t.equal(problem(29), 'too_short')
  t.equal(problem(30), undefined)
  t.equal(problem(30 * 24 * 60), undefined)
  t.equal(problem(30 * 24 * 60 + 1), 'too_long')
})

t.test('an operator may allow auctions of seconds', async (t) => {
  const endDate = new Date(NOON.getTime() + 2_000).toISOString()
  t.equal(listingProblem(content({ endDate }), listingLimits(2)), undefined)
  t.equal(listingProblem(content({ endDate }), listingLimits(3))?.reason, 'too_short')
})

t.test('the extension threshold is at most half of the auction', async (t) => {
  const endDate = minutesAfter(NOON, 31).toISOString()
  const threshold = (minutes: number | null) =>
    content({ endDate, extensionThresholdMinutes: minutes })
  t.equal(listingProblem(threshold(15), LIMITS), undefined)
  t.strictSame(listingProblem(threshold(16), LIMITS), {
    field: 'extensionThresholdMinutes',
    reason: 'over_half_of_duration',
  })
})

t.test('a default threshold is shortened for a short auction', async (t) => {
  const threshold = (seconds: number) =>
    effectiveThresholdMinutes(
      content({ endDate: new Date(NOON.getTime() + seconds * 1_000).toISOString() }),
    )
  t.equal(threshold(1_200), 10)
  t.equal(threshold(900), 7)
  t.equal(threshold(3), 0)
  t.equal(effectiveThresholdMinutes(content({ extensionThresholdMinutes: 3 })), 3)
})

t.test('a start is neither in the past nor more than 30 days ahead', async (t) => {
  const problem = (minutes: number) =>
    startProblem(minutesAfter(NOON, minutes), NOON, LIMITS)?.reason
  t.equal(problem(-5), undefined)
  t.equal(problem(-6), 'in_the_past')
  t.equal(problem(30 * 24 * 60), undefined)
  t.equal(problem(30 * 24 * 60 + 1), 'too_far_ahead')
})

t.test('an item whose end has passed cannot be published', async (t) => {
  const endDate = new Date(NOON.getTime() + 2_000)
  const short = content({ endDate: endDate.toISOString() })
  t.equal(publishProblem(short, NOON, listingLimits(1)), undefined)
  t.strictSame(publishProblem(short, endDate, listingLimits(1)), {
    field: 'endDate',
    reason: 'in_the_past',
  })
  t.strictSame(publishProblem(content(), minutesAfter(NOON, 6), LIMITS), {
    field: 'startDate',
    reason: 'in_the_past',
  })
})

t.test('a listing written out is read back the same', async (t) => {
  const original = content({ reservePrice: '150.50', buyoutPrice: '300', bidIncrement: '2.5' })
  const read = readListing(listingInput(original))
  t.strictSame(read, { ok: true, content: original })
})

t.test('the hard end is the chosen end plus all extensions together', async (t) => {
  const terms = content({ maxExtensionMinutes: 60 })
  const after = (minutes: number) =>
    hardEndDate({ ...terms, currentEndDate: minutesAfter(terms.endDate, minutes) })
  t.strictSame(after(0), minutesAfter(terms.endDate, 60))
  t.strictSame(after(75), minutesAfter(terms.endDate, 75), 'an outage may move the end beyond it')
})
