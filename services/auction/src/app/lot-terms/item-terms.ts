import type { ApplyTermsRequest } from '@auction/common/contracts/terms.ts'
import { formatAmount } from '@auction/common/money.ts'
import { effectiveThresholdMinutes, type Item, type ItemContent } from '#src/domain/item.ts'
import { depositOf } from '#src/domain/listing.ts'

/** The terms of a published item as the bid service takes them; the reserve is among them. */
export function lotTerms(
  item: Pick<Item, 'id' | 'sellerId' | 'round'>,
  content: ItemContent,
  termsVersion: number,
): ApplyTermsRequest {
  const money = (minor: bigint) => formatAmount(minor, content.currencyCode)
  const { bidIncrement, reservePrice, buyoutPrice, buyoutReservationMinutes } = content
  const deposit = depositOf(content)
  return {
    itemId: item.id,
    sellerId: item.sellerId,
    type: content.type,
    round: item.round,
    termsVersion,
    currencyCode: content.currencyCode,
    startPrice: money(content.startPrice),
    ...(bidIncrement === null ? {} : { bidIncrement: money(bidIncrement) }),
    ...(reservePrice === null ? {} : { reservePrice: money(reservePrice) }),
    ...(buyoutPrice === null ? {} : { buyoutPrice: money(buyoutPrice) }),
    ...(buyoutReservationMinutes === null
      ? {}
      : { buyoutMode: 'reserved' as const, buyoutReservationMinutes }),
    ...(deposit === null ? {} : { deposit: money(deposit) }),
    startDate: content.startDate.toISOString(),
    endDate: content.endDate.toISOString(),
    extensionThresholdMinutes: effectiveThresholdMinutes(content),
    extensionDurationMinutes: content.extensionDurationMinutes,
    extensionMode: content.extensionMode,
    maxExtensionMinutes: content.maxExtensionMinutes,
    maxExtensions: content.maxExtensions,
  }
}
