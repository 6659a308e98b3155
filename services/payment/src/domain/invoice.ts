import { formatAmount } from '@auction/common/money.ts'
import type { Posting } from './entry.ts'

export type Series = 'commission' | 'commission_credit' | 'premium' | 'premium_credit'
export type Subject = 'commission' | 'premium'

/** Who issues: the operator of the platform. */
export interface Issuer {
  readonly name: string
  readonly address: string
  readonly taxId: string
}

/** What a sale says of how it was charged. */
export interface InvoicedSale {
  readonly paymentId: string
  readonly orderId: string
  readonly itemId: string
  readonly sellerId: string
  readonly buyerId: string
  readonly currencyCode: string
  readonly commissionBasisPoints: number
  readonly commissionTaxBasisPoints: number
  readonly commissionTaxReason: string
  readonly premiumTaxBasisPoints: number
  readonly premiumTaxReason: string
}

/** An invoice to be issued: what one entry earned of one of the two, or gave back. */
export interface InvoiceDraft {
  readonly series: Series
  readonly subject: Subject
  readonly userId: string
  readonly net: bigint
  readonly tax: bigint
}

/** What an entry is to be invoiced for: the commission to the seller, the premium to the buyer. */
export function draftsOf(sale: InvoicedSale, postings: readonly Posting[]): InvoiceDraft[] {
  const earned = (matches: (account: string) => boolean) =>
    postings.filter(({ account }) => matches(account)).reduce((sum, { amount }) => sum - amount, 0n)
  return (['commission', 'premium'] as const).flatMap((subject) => {
    const net = earned((account) => account === `platform:${subject}`)
    const tax = earned((account) => account.startsWith('tax:') && account.endsWith(`:${subject}`))
    if (net + tax === 0n) return []
    const isCredit = net + tax < 0n
    return {
      series: isCredit ? `${subject}_credit` : subject,
      subject,
      userId: subject === 'commission' ? sale.sellerId : sale.buyerId,
      net: isCredit ? -net : net,
      tax: isCredit ? -tax : tax,
    } satisfies InvoiceDraft
  })
}

const PREFIXES: Readonly<Record<Series, string>> = {
  commission: 'C',
  commission_credit: 'CC',
  premium: 'P',
  premium_credit: 'PC',
}

/** How a number is written: C-000001. */
export const invoiceNumber = (series: Series, number: bigint): string =>
  `${PREFIXES[series]}-${number.toString().padStart(6, '0')}`

/** What an invoice says; never changed once it is issued. */
export interface InvoiceSnapshot {
  readonly number: string
  readonly kind: 'invoice' | 'credit_note'
  readonly subject: Subject
  readonly issuedAt: string
  readonly issuer: Issuer
  readonly recipient: { readonly userId: string }
  readonly paymentId: string
  readonly orderId: string
  readonly itemId: string
  readonly corrects?: string
  readonly currencyCode: string
  readonly net: string
  readonly taxBasisPoints: number
  readonly taxReason: string
  readonly tax: string
  readonly gross: string
}

export function snapshotOf(
  draft: InvoiceDraft,
  sale: InvoicedSale,
  issue: { number: bigint; at: Date; issuer: Issuer; corrects: string | undefined },
): InvoiceSnapshot {
  const { series, subject, userId, net, tax } = draft
  const { paymentId, orderId, itemId, currencyCode } = sale
  const ofCommission = subject === 'commission'
  return {
    number: invoiceNumber(series, issue.number),
    kind: issue.corrects === undefined ? 'invoice' : 'credit_note',
    subject,
    issuedAt: issue.at.toISOString(),
    issuer: issue.issuer,
    recipient: { userId },
    paymentId,
    orderId,
    itemId,
    ...(issue.corrects === undefined ? {} : { corrects: issue.corrects }),
    currencyCode,
    net: formatAmount(net, currencyCode),
    taxBasisPoints: ofCommission ? sale.commissionTaxBasisPoints : sale.premiumTaxBasisPoints,
    taxReason: ofCommission ? sale.commissionTaxReason : sale.premiumTaxReason,
    tax: formatAmount(tax, currencyCode),
    gross: formatAmount(net + tax, currencyCode),
  }
}
