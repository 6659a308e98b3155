import t from 'tap'
import type { Outcome } from '#src/domain/item.ts'
import {
  type Closing,
  type SettlementState,
  settle,
  type Transition,
  type Win,
} from '#src/domain/settlement.ts'
import { minutesAfter, NOON } from './sample.ts'

const RUNNING: SettlementState = {
  status: 'active',
  round: 1,
  closedSequence: null,
  closedAt: null,
  outcome: null,
  endReason: null,
  buyerId: null,
  endPrice: null,
  final: {
    endDate: NOON,
    extensionCount: 0,
    currentPrice: 10_000n,
    bidCount: 1,
    reserveMet: true,
  },
}

const closing = (outcome: Outcome): Closing => ({
  kind: 'closing',
  sequence: 4n,
  closedAt: minutesAfter(NOON, 1),
  outcome,
  round: 1,
  final: {
    endDate: NOON,
    extensionCount: 0,
    currentPrice: 15_000n,
    bidCount: 3,
    reserveMet: outcome === 'sold',
  },
})

const WIN: Win = {
  kind: 'win',
  buyerId: 'buyer',
  finalAmount: 15_000n,
  endReason: 'time_over',
  round: 1,
  endedAt: null,
}

function play(start: SettlementState, facts: readonly (Closing | Win)[]) {
  const transitions: Transition[] = []
  let state = start
  for (const fact of facts) {
    const settled = settle(state, fact)
    state = settled.state
    transitions.push(...settled.transitions)
  }
  return { state, transitions }
}

t.test(
  'a sale is published once as ended and once as sold, in every order of its events',
  async (t) => {
    const orders = [
      [closing('sold'), WIN],
      [WIN, closing('sold')],
      [WIN, WIN, closing('sold'), closing('sold'), WIN],
      [closing('sold'), closing('sold'), WIN, closing('sold'), WIN],
    ]
    for (const order of orders) {
      const { state, transitions } = play(RUNNING, order)
      t.strictSame(transitions, ['ended', 'sold'])
      t.strictSame(state, {
        ...RUNNING,
        status: 'sold',
        closedSequence: 4n,
        closedAt: minutesAfter(NOON, 1),
        outcome: 'sold',
        endReason: 'time_over',
        buyerId: 'buyer',
        endPrice: 15_000n,
        final: closing('sold').final,
      })
    }
  },
)

t.test('between closing and win the item is ended, before the closing it still runs', async (t) => {
  t.equal(play(RUNNING, [closing('sold')]).state.status, 'ended')
  t.match(play(RUNNING, [WIN]), { state: { status: 'active' }, transitions: [] })
})

t.test('without a sale the item expires at once, with the reason of the closing', async (t) => {
  for (const outcome of ['no_bids', 'reserve_not_met'] as const) {
    const { state, transitions } = play(RUNNING, [closing(outcome), closing(outcome)])
    t.strictSame(transitions, ['ended', 'expired'])
    t.match(state, { status: 'expired', endReason: outcome, buyerId: null, endPrice: null })
  }
})

t.test('an auction over before its start was seen is started first', async (t) => {
  const scheduled: SettlementState = { ...RUNNING, status: 'scheduled' }
  t.strictSame(play(scheduled, [closing('no_bids')]).transitions, ['started', 'ended', 'expired'])
  t.strictSame(play(scheduled, [WIN, closing('sold')]).transitions, ['started', 'ended', 'sold'])
})

t.test('a cancelled auction ends as cancelled', async (t) => {
  for (const status of ['active', 'scheduled'] as const) {
    const { state, transitions } = play({ ...RUNNING, status }, [closing('cancelled')])
    t.strictSame(transitions, ['cancelled'], `${status}: it never started`)
    t.equal(state.status, 'cancelled')
  }
})

t.test("the original's win, which no closing follows, ends and sells", async (t) => {
  const legacy: Win = { ...WIN, endReason: null, round: null, endedAt: NOON }
  const { state, transitions } = play(RUNNING, [legacy, legacy])
  t.strictSame(transitions, ['ended', 'sold'])
  t.match(state, { status: 'sold', buyerId: 'buyer', endPrice: 15_000n, outcome: 'sold' })
})

t.test('a win cannot sell an item that closed without a sale', async (t) => {
  const { state, transitions } = play(RUNNING, [closing('no_bids'), WIN])
  t.strictSame(transitions, ['ended', 'expired'])
  t.equal(state.buyerId, null)
})

t.test('the closing and the win of another round change nothing', async (t) => {
  const later = [
    { ...closing('sold'), round: 2 },
    { ...WIN, round: 2 },
  ]
  const { state, transitions } = play(RUNNING, later)
  t.strictSame(state, RUNNING)
  t.strictSame(transitions, [])
})

t.test('a removed item stays removed, and its end is recorded once', (t) => {
  const hidden: SettlementState = { ...RUNNING, status: 'removed' }
  for (const outcome of ['cancelled', 'no_bids', 'sold'] as const) {
    const { state, transitions } = settle(hidden, closing(outcome))
    t.match(state, { status: 'removed', outcome, closedSequence: 4n, final: { bidCount: 3 } })
    t.strictSame(transitions, [])
    const again = settle(state, closing('reserve_not_met'))
    t.equal(again.state, state, 'only the first end counts')
  }
  const orders = [
    [closing('sold'), WIN],
    [WIN, closing('sold')],
  ] as const
  for (const facts of orders) {
    const state = facts.reduce<SettlementState>((now, fact) => settle(now, fact).state, hidden)
    t.match(state, { status: 'removed', outcome: 'sold', buyerId: 'buyer', endPrice: 15_000n })
  }
  t.end()
})

t.test('a closing that overtook an extending bid brings the extension', async (t) => {
  const late = (extensionCount: number | null): Closing => {
    const { final, ...rest } = closing('no_bids')
    return { ...rest, final: { ...final, endDate: minutesAfter(NOON, 5), extensionCount } }
  }
  t.strictSame(play(RUNNING, [late(1), late(1)]).transitions, ['extended', 'ended', 'expired'])
  t.strictSame(play(RUNNING, [late(null)]).transitions, ['extended', 'ended', 'expired'])
  t.strictSame(play(RUNNING, [late(0)]).transitions, ['ended', 'expired'], 'an edit moved the end')
})
