import { readText, type TextKind } from '@auction/common/text.ts'

/** Every text that people write here. */
export const TEXTS = {
  refundReason: {
    name: 'refund.reason',
    charactersMax: 500,
    bytesMax: 4_000,
    isPlain: true,
    hasLines: true,
  },
  payoutReference: {
    name: 'payout.reference',
    charactersMax: 200,
    bytesMax: 1_600,
    isPlain: true,
  },
} as const satisfies Record<string, TextKind>

/** Why money is given back: operators decide by it, so it shows what it says. */
export const readRefundReason = (text: string) => readText(text, TEXTS.refundReason)

/** How a bank or a book names a payout that was made by hand. */
export const readPayoutReference = (text: string) => readText(text, TEXTS.payoutReference)
