import type { Decision, LotCommand } from '@auction/bid/app/bid-command.ts'
import type { BidQueue } from '@auction/bid/app/bid-queue.ts'
import { judge } from '@auction/bid/domain/judge.ts'
import { minNextBid } from '@auction/bid/domain/lot.ts'
import { createBidSettings } from '@auction/bid/domain/settings.ts'
import { LOT_COLUMNS, type LotRow, toLot } from '@auction/bid/infra/postgres/lots.ts'
import { parseAmount } from '@auction/common/money.ts'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'

const settings = createBidSettings()

/** One transaction per bid: lock, judge, insert, update, outbox, commit, a statement for each. */
export function transactionQueue(pool: Pool): BidQueue {
  return {
    length: 0,
    heldBids: 0,
    lanes: 0,
    drained: async () => {},
    submit: (command) => decide(pool, command),
  }
}

async function decide(pool: Pool, command: LotCommand): Promise<Decision> {
  if (command.kind !== 'bid') throw new Error('the benchmark only bids')
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { rows } = await client.query<LotRow>({
      name: 'lock',
      text: `select ${LOT_COLUMNS} from lots where item_id = $1 for update`,
      values: [command.itemId],
    })
    const nowMs = Date.now()
    const row = rows[0]
    const amount = parseAmount(command.maxAmount, 'USD')
    if (row === undefined || !amount.ok) throw new Error('the benchmark sent nonsense')
    const lot = toLot(row)
    const bid = { ...command, bidderNumber: 1, maxAmount: amount.minor, confirmed: true }
    const verdict = judge(lot, bid, nowMs, settings)
    const record = {
      bidId: command.bidId,
      itemId: command.itemId,
      bidderId: command.bidderId,
      maxAmount: amount.minor,
      idempotencyKey: command.idempotencyKey,
      requestHash: null,
      decidedAtMs: nowMs,
      recordedAtMs: nowMs,
    }
    const common = [
      command.bidId,
      command.itemId,
      command.bidderId,
      String(amount.minor),
      new Date(nowMs),
    ]
    if (verdict.outcome === 'refused') {
      await client.query({
        name: 'refuse',
        text: `insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, refusal_code,
          decided_at, recorded_at) values ($1, $2, $3, 'manual', 'refused', $4, $6, $5, $5)`,
        values: [...common, verdict.code],
      })
      await client.query('commit')
      return {
        kind: 'decided',
        currencyCode: 'USD',
        isRepeat: false,
        record: {
          ...record,
          outcome: 'refused',
          refusalCode: verdict.code,
          refusalDetails: null,
        },
      }
    }
    const next = verdict.lot
    if (next.currentPrice === null) throw new Error('a bid was accepted without a price')
    const minimum = minNextBid(next, settings)
    const [entry] = verdict.ledger
    const silentRaise = entry !== undefined && 'silentRaise' in entry ? entry.silentRaise : 0
    await client.query({
      name: 'accept',
      text: `insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price, min_next_bid,
        bid_count, reserve_met, ends_at, extended, sequence, silent_raise, decided_at, recorded_at)
        values ($1, $2, $3, $6, $7, $4, $8, $9, $10, true, $11, false, $12, $13, $5, $5)`,
      values: [
        ...common,
        verdict.kind,
        verdict.outcome,
        String(next.currentPrice),
        String(minimum),
        next.bidCount,
        new Date(next.endsAtMs),
        next.sequence,
        silentRaise,
      ],
    })
    await client.query({
      name: 'update',
      text: `update lots set current_price = $2, leader_id = $3, leader_max = $4, leader_bid_id = $5,
        bid_count = $6, sequence = $7, last_decided_at = $8, silent_raises = $9,
        updated_at = clock_timestamp()
        where item_id = $1`,
      values: [
        command.itemId,
        String(next.currentPrice),
        next.leaderId,
        String(next.leaderMax),
        next.leaderBidId,
        next.bidCount,
        next.sequence,
        new Date(nowMs),
        next.silentRaises,
      ],
    })
    await client.query({
      name: 'outbox',
      text: 'insert into outbox (id, events) values ($1, $2)',
      values: [
        uuidv7(),
        JSON.stringify([{ key: 'bid.placed.v1', payload: { bidId: command.bidId } }]),
      ],
    })
    await client.query('commit')
    return {
      kind: 'decided',
      currencyCode: 'USD',
      isRepeat: false,
      record: {
        ...record,
        kind: verdict.kind,
        outcome: verdict.outcome,
        price: next.currentPrice ?? next.startPrice,
        minNextBid: minimum,
        bidCount: next.bidCount,
        reserveMet: true,
        endsAtMs: next.endsAtMs,
        extended: false,
        sequence: next.sequence,
        silentRaise,
      },
    }
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
