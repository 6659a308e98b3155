import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { World } from '#test/helper.ts'

const HOUR_MS = 3_600_000
const inSeconds = (ms: number) => Math.floor(ms / 1_000)
const newReference = (prefix: string) => `${prefix}${randomBytes(12).toString('hex')}`

/** Deposits of 50.00 for one lot that cards hold, each of another bidder: as rows, and as holds of the sandbox. */
export async function holdMany(
  { db, sandbox }: Pick<World, 'db' | 'sandbox'>,
  lot: { itemId: string; sellerId: string },
  count: number,
): Promise<string[]> {
  const { store } = sandbox.provider
  const created = inSeconds(Date.now())
  const rows = Array.from({ length: count }, () => ({
    id: randomUUID(),
    bidderId: randomUUID(),
    reference: newReference('cs_'),
    chargeReference: newReference('pi_'),
  }))
  for (const { id, reference, chargeReference } of rows) {
    const metadata = { attemptId: id }
    const charge = newReference('ch_')
    const common = { currency: 'eur', metadata, created, livemode: false }
    store.put('sessions', reference, {
      ...common,
      id: reference,
      object: 'checkout.session',
      mode: 'payment',
      status: 'complete',
      payment_status: 'unpaid',
      payment_intent: chargeReference,
      amount_total: 5_000,
      client_reference_id: null,
      success_url: 'http://localhost:9191/',
      cancel_url: null,
      url: null,
      expires_at: created,
    })
    store.put('intents', chargeReference, {
      ...common,
      id: chargeReference,
      object: 'payment_intent',
      amount: 5_000,
      amount_capturable: 5_000,
      amount_received: 0,
      capture_method: 'manual',
      status: 'requires_capture',
      latest_charge: charge,
      last_payment_error: null,
      cancellation_reason: null,
      canceled_at: null,
      transfer_group: null,
    })
    store.put('charges', charge, {
      ...common,
      id: charge,
      object: 'charge',
      amount: 5_000,
      amount_captured: 0,
      amount_refunded: 0,
      captured: false,
      refunded: false,
      disputed: false,
      dispute: null,
      status: 'succeeded',
      payment_intent: chargeReference,
      payment_method_details: {
        type: 'card',
        card: { brand: 'visa', last4: '4242', capture_before: created + 7 * 24 * 3_600 },
      },
      transfer_group: null,
    })
  }
  const list = (name: keyof (typeof rows)[number]) => rows.map((row) => row[name])
  const later = new Date(Date.now() + HOUR_MS)
  await sql`
    insert into deposits (id, item_id, bidder_id, seller_id, currency_code, amount, seller_percent, provider, state,
      reference, charge_reference, return_url, expires_at, hold_ends_at, lot_ends_at, held_at, idempotency_key,
      request_hash, traceparent, correlation_id, sequence)
    select id, ${lot.itemId}, bidder_id, ${lot.sellerId}, 'EUR', 5000, 80, 'stripe', 'held', reference, charge,
      'http://localhost:9191/', ${later}, ${later}::timestamptz + interval '6 days', ${later}, clock_timestamp(), id,
      sha256(''), '00-' || repeat('1', 32) || '-' || repeat('1', 16) || '-01', 'many', 2
    from unnest(${list('id')}::uuid[], ${list('bidderId')}::uuid[], ${list('reference')}::text[],
      ${list('chargeReference')}::text[]) as one (id, bidder_id, reference, charge)`.execute(db)
  await sql`
    insert into deposit_operations (id, deposit_id, kind, key, state, tries, sent_at)
    select gen_random_uuid(), id, 'begin', 'deposit:' || id || ':begin', 'done', 1, clock_timestamp()
    from unnest(${list('id')}::uuid[]) as one (id)`.execute(db)
  return list('id')
}
