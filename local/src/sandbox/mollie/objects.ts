/** Objects of Mollie's API, with the fields that its clients here read. */

export interface Amount {
  currency: string
  value: string
}

export type PaymentStatus =
  | 'open'
  | 'pending'
  | 'authorized'
  | 'paid'
  | 'canceled'
  | 'expired'
  | 'failed'

export interface Payment {
  resource: 'payment'
  id: string
  createdAt: string
  status: PaymentStatus
  isCancelable: boolean
  amount: Amount
  description: string
  redirectUrl: string
  cancelUrl: string | null
  webhookUrl: string | null
  captureMode: 'automatic' | 'manual'
  metadata: unknown
  expiresAt: string
  captureBefore: string | null
  amountCaptured: Amount | null
  amountRefunded: Amount
  amountRemaining: Amount
  details: { failureReason?: string } | null
}

export interface Capture {
  resource: 'capture'
  id: string
  paymentId: string
  status: 'pending' | 'succeeded'
  amount: Amount
  createdAt: string
}

export interface Refund {
  resource: 'refund'
  id: string
  paymentId: string
  status: 'queued' | 'pending' | 'processing' | 'refunded' | 'failed' | 'canceled'
  amount: Amount
  description: string
  metadata: unknown
  createdAt: string
}

export interface Chargeback {
  resource: 'chargeback'
  id: string
  paymentId: string
  amount: Amount
  createdAt: string
  reversedAt: string | null
}

/** An error as Mollie answers it. */
export class MollieError extends Error {
  readonly status: number
  readonly title: string
  readonly field: string | undefined

  constructor(status: number, title: string, detail: string, field?: string) {
    super(detail)
    this.status = status
    this.title = title
    this.field = field
  }

  get body() {
    const { status, title, message: detail, field } = this
    return { status, title, detail, ...(field === undefined ? {} : { field }), _links: {} }
  }
}

export const unprocessable = (detail: string, field?: string): MollieError =>
  new MollieError(422, 'Unprocessable Entity', detail, field)

export const notFound = (detail: string): MollieError => new MollieError(404, 'Not Found', detail)
