import t from 'tap'
import {
  type DepositFacts,
  depositCaptured,
  depositRefunded,
  depositReturned,
  isDepositOver,
  judgeDeposit,
  judgeReturn,
  sellerPart,
} from '#src/domain/deposit.ts'
import { balanced } from '#src/domain/entry.ts'
import type { OperationState } from '#src/domain/judge-payment.ts'
import type { ProviderState } from '#src/domain/provider.ts'

const NOW = new Date('2027-03-01T12:00:00Z')
const MONEY = { amount: 5000n, currencyCode: 'EUR' }

const facts = (changes: Partial<DepositFacts> = {}): DepositFacts => ({
  state: 'held',
  money: MONEY,
  wish: null,
  capture: undefined,
  holdEndsAt: new Date(NOW.getTime() + 1_000),
  ...changes,
})

const seen = (changes: Partial<ProviderState> = {}): ProviderState => ({
  state: 'authorised',
  money: MONEY,
  captured: 0n,
  chargeReference: 'pi_1',
  holdEndsAt: undefined,
  failureCode: undefined,
  refunded: 0n,
  refunds: [],
  disputes: [],
  ...changes,
})

const judged = (known: Partial<DepositFacts>, shown: Partial<ProviderState> = {}) =>
  judgeDeposit(facts(known), seen(shown), NOW)

t.test('money is taken only when that is wished, and only what was held', async (t) => {
  const states = ['requested', 'held'] as const
  const operations: (OperationState | undefined)[] = [
    undefined,
    'planned',
    'sending',
    'unknown',
    'done',
    'failed',
  ]
  const shownStates = ['open', 'processing', 'authorised', 'cancelled', 'expired'] as const
  for (const state of states) {
    for (const wish of [null, 'release', 'capture'] as const) {
      for (const capture of operations) {
        for (const shown of shownStates) {
          const { kind } = judged({ state, wish, capture }, { state: shown })
          const isTaking = kind === 'capture'
          const isWanted = wish === 'capture' && state === 'held' && shown === 'authorised'
          if (isTaking) t.ok(isWanted, `${state} ${wish} ${capture} ${shown}`)
          if (isWanted && capture !== 'failed' && capture !== 'done') t.ok(isTaking)
          t.not(kind, 'settle', 'nothing was taken')
        }
      }
    }
  }
})

t.test('a hold that no one wants any more is let go of, also when it came late', async (t) => {
  t.same(judged({ state: 'requested', wish: 'release' }), { kind: 'cancel' })
  t.same(judged({ wish: 'release' }), { kind: 'cancel' })
  t.same(judged({ state: 'requested', wish: 'release' }, { state: 'open' }), { kind: 'cancel' })
  t.same(judged({ wish: 'capture', capture: 'failed' }), { kind: 'cancel' })
})

t.test('of a hold that is gone it is said why', async (t) => {
  const gone = { state: 'cancelled' } as const
  t.same(judged({ wish: 'release' }, gone), { kind: 'end', state: 'released', by: 'wish' })
  t.same(judged({}, gone), { kind: 'end', state: 'released', by: 'provider' })
  t.same(judged({ holdEndsAt: NOW }, gone), { kind: 'end', state: 'expired', by: 'time' })
  t.same(judged({ wish: 'capture', holdEndsAt: NOW }, gone), {
    kind: 'end',
    state: 'expired',
    by: 'time',
  })
  t.same(judged({ state: 'requested' }, gone), { kind: 'end', state: 'failed', by: 'provider' })
  t.same(judged({ state: 'requested' }, { state: 'expired' }), {
    kind: 'end',
    state: 'expired',
    by: 'time',
  })
})

t.test('what cannot be stops it: another sum, or money that we did not take', async (t) => {
  const other = { ...MONEY, amount: 5001n }
  t.match(judged({}, { money: other }), { kind: 'mismatch', theirs: '5001 EUR' })
  t.match(judged({}, { money: { ...MONEY, currencyCode: 'USD' } }), { kind: 'mismatch' })
  const taken = { state: 'captured', captured: 5000n } as const
  t.match(judged({ wish: 'capture' }, taken), { kind: 'mismatch' })
  t.match(judged({ wish: 'capture', capture: 'unknown' }, { ...taken, captured: 4999n }), {
    kind: 'mismatch',
  })
  t.same(judged({ wish: 'capture', capture: 'unknown' }, taken), { kind: 'settle' })
})

t.test('what is over stays over', async (t) => {
  for (const state of [
    'released',
    'captured',
    'returned',
    'expired',
    'failed',
    'mismatch',
  ] as const) {
    t.ok(isDepositOver(state))
    t.same(judged({ state, wish: 'release' }), { kind: 'none' })
  }
})

t.test('the entry of a deposit adds up to zero, whatever the share of the seller', async (t) => {
  for (const amount of [1n, 2n, 99n, 5000n, 100_000_000_001n]) {
    for (let percent = 0; percent <= 100; percent += 1) {
      const deposit = {
        id: 'd',
        orderId: 'o',
        sellerId: 's',
        provider: 'stripe',
        currencyCode: 'EUR',
        amount,
        sellerPercent: percent,
      }
      const entry = depositCaptured(deposit)
      const left = new Map<string, bigint>()
      for (const whole of [entry, depositReturned(deposit), depositRefunded(deposit)]) {
        for (const { account, amount: moved } of balanced(whole.postings)) {
          left.set(account, (left.get(account) ?? 0n) + moved)
        }
      }
      if ([...left.values()].some((one) => one !== 0n)) t.fail(`${amount} ${percent} leaves some`)
      const postings = balanced(entry.postings)
      const seller = postings.find(({ account }) => account === 'seller:payable:s')
      if ((seller?.amount ?? 0n) !== -sellerPart(amount, percent)) t.fail(`${amount} ${percent}`)
    }
  }
  t.equal(sellerPart(99n, 50), 49n)
  t.equal(sellerPart(99n, 100), 99n)
  t.equal(sellerPart(99n, 0), 0n)
})

t.test(
  'a deposit is given back once, and what the provider refuses is left to an operator',
  async (t) => {
    const one = (state: 'pending' | 'done' | 'failed', amount = 5000n, refundId = 'd') => ({
      refundId,
      reference: 're_1',
      amount,
      state,
    })
    const kindOf = (refund: OperationState | undefined, ...refunds: ReturnType<typeof one>[]) =>
      judgeReturn({ id: 'd', money: MONEY, refund }, { refunds, refunded: 0n }).kind
    for (const refund of [undefined, 'planned', 'sending', 'unknown'] as const) {
      t.equal(kindOf(refund), 'ask')
      t.equal(kindOf(refund, one('done', 5000n, 'another')), 'ask')
    }
    t.equal(kindOf('done'), 'wait', 'it was accepted, and does not show yet')
    t.equal(kindOf('failed'), 'fail')
    for (const refund of [undefined, 'planned', 'sending', 'unknown', 'done', 'failed'] as const) {
      t.equal(kindOf(refund, one('pending')), 'wait')
      t.equal(kindOf(refund, one('done')), 'settle')
      t.equal(kindOf(refund, one('failed')), 'fail')
      t.equal(kindOf(refund, one('done', 4999n)), 'fail')
    }
  },
)
