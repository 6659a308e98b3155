import t from 'tap'
import { judgePayment, type PaymentFacts } from '#src/domain/judge-payment.ts'
import type { ProviderState } from '#src/domain/provider.ts'

const MONEY = { amount: 1850n, currencyCode: 'EUR' }

const facts = (changes: Partial<PaymentFacts>): PaymentFacts => ({
  state: 'open',
  money: MONEY,
  capture: undefined,
  cancel: undefined,
  ...changes,
})

const seen = (state: ProviderState['state'], captured = 0n): ProviderState => ({
  state,
  money: MONEY,
  captured,
  chargeReference: 'pi_1',
  holdEndsAt: undefined,
  failureCode: undefined,
  refunded: 0n,
  refunds: [],
  disputes: [],
})

t.test('a look that is older than what is known moves nothing backwards', async (t) => {
  for (const state of ['authorised', 'claimed'] as const) {
    for (const old of ['open', 'processing'] as const) {
      t.same(judgePayment(facts({ state }), seen(old)), { kind: 'wait', state }, `${old} ${state}`)
    }
  }
  const claimed = facts({ state: 'claimed', capture: 'done' })
  t.same(judgePayment(claimed, seen('authorised')), { kind: 'wait', state: 'claimed' })
  t.same(
    judgePayment(facts({ state: 'processing' }), seen('open')),
    { kind: 'wait', state: 'open' },
    'a method that failed may be followed by another one',
  )
})

t.test('what we asked to be captured is settled, in whatever state it is found', async (t) => {
  for (const state of ['open', 'authorised', 'claimed'] as const) {
    for (const capture of ['sending', 'unknown', 'done', 'failed'] as const) {
      t.same(
        judgePayment(facts({ state, capture }), seen('captured', 1850n)),
        { kind: 'settle' },
        `${state} ${capture}`,
      )
    }
    t.match(judgePayment(facts({ state }), seen('captured', 1850n)), { kind: 'mismatch' })
    t.match(
      judgePayment(facts({ state, capture: 'done' }), seen('captured', 1849n)),
      { kind: 'mismatch' },
      'another sum',
    )
  }
})

t.test('what is cancelled is asked for again until the provider shows it', async (t) => {
  for (const cancel of ['planned', 'unknown', 'failed', 'done'] as const) {
    for (const state of ['open', 'authorised'] as const) {
      t.same(judgePayment(facts({ state, cancel }), seen(state)), { kind: 'cancel' }, cancel)
    }
    t.same(judgePayment(facts({ cancel }), seen('cancelled')), { kind: 'end', state: 'cancelled' })
  }
})
