import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { type LiveChange, readChange } from '#src/domain/live-change.ts'
import { createLiveLots } from '#src/domain/live-lots.ts'
import {
  A_WEEK_AGO,
  closed,
  extended,
  LATER,
  lost,
  outbid,
  placed,
  priceAt,
  reserveMet,
} from '#test/live-helper.ts'

const MINUTE_MS = 60_000
const LIMITS = { entriesMax: 1_000, keepMs: 10 * MINUTE_MS, freshMs: 2 * MINUTE_MS }
const NOW_MS = Date.now()

function changeOf({ key, envelope }: ReturnType<typeof placed>): LiveChange {
  const change = readChange(key, Buffer.from(JSON.stringify(envelope)), envelope.id)
  if (change === undefined) throw new Error(`${key} says nothing`)
  return change
}

/** Applies events one after another, as a stream that begins at offset 100 brings them. */
function follow(limits = LIMITS) {
  const lots = createLiveLots(limits)
  let offset = 99
  const apply = (event: ReturnType<typeof placed>, nowMs = NOW_MS) => {
    offset += 1
    return lots.apply(changeOf(event), offset, nowMs)
  }
  return { lots, apply, offset: () => offset }
}

t.test('a lot shows what its newest change says, whatever came before', (t) => {
  const { lots, apply } = follow()
  const itemId = randomUUID()
  t.equal(apply(placed({ itemId, sequence: 3 })).update, 'lot')
  t.equal(apply(placed({ itemId, sequence: 2 })).update, undefined, 'an older one')
  t.equal(apply(placed({ itemId, sequence: 3 })).update, undefined, 'the same again')
  t.equal(lots.lot(itemId)?.currentPrice, priceAt(3))
  t.equal(apply(closed(itemId, 4)).update, 'lot')
  t.equal(apply(placed({ itemId, sequence: 4 })).update, undefined, 'nothing opens it again')
  t.match(lots.lot(itemId), { phase: 'closed', sequence: 4 })
  t.equal(lots.lot(itemId)?.minNextBid, undefined)
  t.end()
})

t.test('a change of a part is shown on top of the one just before it', (t) => {
  const { lots, apply } = follow()
  const itemId = randomUUID()
  const end = new Date(Date.parse(LATER) + MINUTE_MS).toISOString()
  t.equal(apply(extended(itemId, 1, end)).update, 'resync', 'nothing is known before it')
  t.equal(lots.lot(itemId), undefined)
  apply(placed({ itemId, sequence: 2 }))
  t.equal(apply(extended(itemId, 3, end)).update, 'lot')
  t.match(lots.lot(itemId), { currentPrice: priceAt(2), endDate: end, extensionCount: 1 })
  t.equal(apply(extended(itemId, 5, end)).update, 'resync', 'the change between is on its way')
  t.equal(apply(placed({ itemId, sequence: 4 })).update, undefined, 'and is older when it comes')
  apply(placed({ itemId, sequence: 6 }))
  t.equal(apply(reserveMet(itemId, 7, priceAt(6))).update, 'lot')
  const other = reserveMet(itemId, 8, priceAt(9))
  t.equal(apply(other).update, 'resync', 'with another price, the next minimum is not known')
  t.end()
})

t.test('a standing is news when it is another one and not older', (t) => {
  const { apply } = follow()
  const itemId = randomUUID()
  const [ann, ben] = [randomUUID(), randomUUID()]
  const said = (event: ReturnType<typeof placed>) =>
    apply(event).standings.map(({ userId, standing }) => [userId === ann ? 'ann' : 'ben', standing])
  t.strictSame(said(placed({ itemId, sequence: 1, userId: ann, leaderId: ann })), [
    ['ann', 'leading'],
  ])
  t.strictSame(said(placed({ itemId, sequence: 2, userId: ben, leaderId: ann })), [
    ['ben', 'outbid'],
  ])
  t.strictSame(said(placed({ itemId, sequence: 3, userId: ben, leaderId: ben })), [
    ['ben', 'leading'],
  ])
  t.strictSame(said(outbid(itemId, 3, ann)), [['ann', 'outbid']])
  t.strictSame(said(placed({ itemId, sequence: 5, userId: ann, leaderId: ann })), [
    ['ann', 'leading'],
  ])
  t.strictSame(said(outbid(itemId, 4, ann)), [], 'she leads again since')
  t.strictSame(said(closed(itemId, 6, ann)), [['ann', 'won']])
  t.strictSame(said(lost(itemId, 6, [ben])), [['ben', 'lost']])
  t.strictSame(said(outbid(itemId, 5, ben)), [], 'it is over for him')
  t.end()
})

t.test('old events of a lot that is not known are read and not shown', (t) => {
  const { lots, apply } = follow()
  const [itemId, other] = [randomUUID(), randomUUID()]
  const ann = randomUUID()
  const old = placed({ itemId, sequence: 7, userId: ann, leaderId: ann }, A_WEEK_AGO)
  t.strictSame(apply(old), { update: 'resync', standings: [] })
  t.strictSame(apply(outbid(itemId, 7, ann, A_WEEK_AGO)), { update: undefined, standings: [] })
  t.equal(lots.lot(itemId), undefined)
  t.strictSame(apply(outbid(other, 7, ann, A_WEEK_AGO)), { update: 'resync', standings: [] })
  const next = placed({ itemId, sequence: 8, userId: ann, leaderId: ann }, A_WEEK_AGO)
  t.equal(apply(next).update, 'lot', 'what follows is news, as after an hour without a broker')
  t.strictSame(
    apply(outbid(itemId, 8, ann, A_WEEK_AGO)).standings,
    [],
    'one sequence says one thing of a user',
  )
  t.end()
})

t.test('a client that was away is sent the newest state of what changed, and nothing else', (t) => {
  const { lots, apply, offset } = follow()
  const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()]
  const ann = randomUUID()
  t.strictSame(lots.missed(first, 5, undefined), { isResync: true }, 'nothing was read yet')
  apply(placed({ itemId: first, sequence: 1, userId: ann, leaderId: ann }))
  const after = offset()
  apply(placed({ itemId: second, sequence: 1 }))
  apply(placed({ itemId: second, sequence: 2 }))
  apply(outbid(first, 2, ann))
  t.strictSame(lots.missed(first, after, undefined), { isResync: false })
  t.strictSame(lots.missed(first, after, ann), {
    isResync: false,
    standing: { standing: 'outbid', sequence: 2, changedAt: after + 3 },
  })
  t.match(lots.missed(second, after, ann), { isResync: false, lot: { sequence: 2 } })
  t.strictSame(lots.missed(third, after, ann), { isResync: false }, 'no event, nothing missed')
  t.strictSame(lots.missed(third, 99, ann), { isResync: false }, 'just before the first event')
  t.strictSame(lots.missed(third, 98, ann), { isResync: true }, 'before what was read')
  t.strictSame(lots.missed(first, 98, ann), { isResync: true })
  t.strictSame(lots.missed(first, offset() + 1, ann), { isResync: true }, 'of another stream')
  t.strictSame(lots.missed(first, Number.NEGATIVE_INFINITY, ann), { isResync: true })
  lots.restart(500)
  t.strictSame(lots.missed(first, after, ann), { isResync: true }, 'after a gap')
  t.strictSame(lots.missed(first, 499, ann), { isResync: false })
  t.end()
})

t.test('lots are forgotten by age and by number, and clients who missed them read them', (t) => {
  const { lots, apply, offset } = follow({ ...LIMITS, entriesMax: 4 })
  const ids = Array.from({ length: 5 }, () => randomUUID())
  const [first = '', , , , fifth = ''] = ids
  apply(placed({ itemId: first, sequence: 1 }))
  const after = offset() - 1
  for (const itemId of ids) apply(placed({ itemId, sequence: 2 }))
  t.equal(lots.size(), 4)
  t.equal(lots.lot(first), undefined, 'the one without events for the longest time')
  t.strictSame(lots.missed(first, after, undefined), { isResync: true })
  t.strictSame(lots.missed(first, offset(), undefined), { isResync: false })
  apply(lost(fifth, 3, [randomUUID(), randomUUID(), randomUUID()]))
  t.equal(lots.size(), 1, 'standings count as well')
  apply(placed({ itemId: first, sequence: 3 }), NOW_MS + LIMITS.keepMs + 1)
  t.equal(lots.size(), 1)
  t.equal(lots.lot(fifth), undefined, 'ten minutes without an event')
  t.end()
})

t.test(
  'in any order, with repetitions, the newest change is shown and sequences only rise',
  (t) => {
    const itemId = randomUUID()
    const history = [
      ...Array.from({ length: 8 }, (_, index) => placed({ itemId, sequence: index + 1 })),
      extended(itemId, 9, LATER),
      placed({ itemId, sequence: 10 }),
      closed(itemId, 11),
    ]
    const orders = fc.array(fc.integer({ min: 0, max: history.length - 1 }), { maxLength: 60 })
    fc.assert(
      fc.property(orders, (order) => {
        const { lots, apply } = follow()
        const shown: number[] = []
        for (const index of order) {
          const event = history[index]
          if (event !== undefined && apply(event).update === 'lot')
            shown.push(lots.lot(itemId)?.sequence ?? -1)
        }
        const rises = shown.every((sequence, at) => sequence > (shown[at - 1] ?? 0))
        const newest = Math.max(...order.map((index) => history[index]?.envelope.sequence ?? 0))
        const lot = lots.lot(itemId)
        return rises && (lot === undefined || order.length === 0 || lot.sequence === newest)
      }),
    )
    t.end()
  },
)

t.test('an event of the original without a sequence says nothing here', (t) => {
  const thin = placed({ itemId: randomUUID(), sequence: 1 })
  const { itemId, amount } = thin.envelope.payload
  const content = Buffer.from(JSON.stringify({ ...thin.envelope, payload: { itemId, amount } }))
  t.equal(readChange(thin.key, content), undefined)
  t.equal(readChange('bid.won.v1', content), undefined, 'nor does an event of another kind')
  t.throws(() => readChange(thin.key, Buffer.from('{')), { name: 'InvalidEventError' })
  t.end()
})
