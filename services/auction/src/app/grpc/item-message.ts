import { formatAmount } from '@auction/common/money.ts'
import { effectiveThresholdMinutes, hardEndDate, type Item } from '#src/domain/item.ts'

interface Timestamp {
  seconds: number
  nanos: number
}

/** An item as proto/auction/item/v1/item.proto has it; fields left out are empty on the wire. */
export function itemMessage(item: Item) {
  const money = (minor: bigint | null) =>
    minor === null ? '' : formatAmount(minor, item.currencyCode)
  const isSold = item.status === 'sold'
  return {
    id: item.id,
    seller_id: item.sellerId,
    status: item.status,
    start_date: timestamp(item.startDate),
    end_date: timestamp(item.currentEndDate),
    start_price: money(item.startPrice),
    current_price: money(item.currentPrice),
    bid_increment: money(item.bidIncrement),
    reserve_price: money(item.reservePrice),
    buyout_price: money(item.buyoutPrice),
    end_price: isSold ? money(item.endPrice) : '',
    created_at: timestamp(item.createdAt),
    updated_at: timestamp(item.updatedAt),
    currency_code: item.currencyCode,
    buyer_id: isSold ? (item.buyerId ?? '') : '',
    type: item.type,
    version: item.version,
    terms_version: item.termsVersion,
    round: item.round,
    original_end_date: timestamp(item.endDate),
    hard_end_date: timestamp(hardEndDate(item)),
    extension_threshold_minutes: effectiveThresholdMinutes(item),
    extension_duration_minutes: item.extensionDurationMinutes,
    extension_mode: item.extensionMode,
    max_extension_minutes: item.maxExtensionMinutes,
    max_extensions: item.maxExtensions,
    buyout_reservation_minutes: item.buyoutReservationMinutes ?? 0,
  }
}

export type ItemMessage = ReturnType<typeof itemMessage>

function timestamp(instant: Date): Timestamp {
  const ms = instant.getTime()
  const seconds = Math.floor(ms / 1_000)
  return { seconds, nanos: (ms - seconds * 1_000) * 1_000_000 }
}
