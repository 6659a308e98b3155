/** The objects of the sandbox, with the fields of Stripe's that its users read. */
export interface Session {
  id: string
  object: 'checkout.session'
  mode: 'payment'
  status: 'open' | 'complete' | 'expired'
  payment_status: 'unpaid' | 'paid'
  payment_intent: string | null
  amount_total: number
  currency: string
  client_reference_id: string | null
  metadata: Record<string, string>
  success_url: string
  cancel_url: string | null
  url: string | null
  created: number
  expires_at: number
  livemode: false
}

/** What the session says of its intent, and what its page says; not part of any answer. */
export interface SessionTerms {
  description: string
  capture_method: 'manual' | 'automatic'
  transfer_group: string | null
  metadata: Record<string, string>
}

export interface Intent {
  id: string
  object: 'payment_intent'
  amount: number
  amount_capturable: number
  amount_received: number
  currency: string
  capture_method: 'manual' | 'automatic'
  status:
    | 'requires_payment_method'
    | 'requires_confirmation'
    | 'requires_action'
    | 'requires_capture'
    | 'succeeded'
    | 'canceled'
  latest_charge: string | null
  last_payment_error: { type: string; code: string; decline_code?: string; message: string } | null
  cancellation_reason: string | null
  canceled_at: number | null
  transfer_group: string | null
  metadata: Record<string, string>
  created: number
  livemode: false
}

export interface Charge {
  id: string
  object: 'charge'
  amount: number
  amount_captured: number
  amount_refunded: number
  currency: string
  captured: boolean
  refunded: boolean
  disputed: boolean
  dispute: string | null
  status: 'succeeded'
  payment_intent: string
  payment_method_details: {
    type: 'card'
    card: { brand: string; last4: string; capture_before: number }
  }
  transfer_group: string | null
  metadata: Record<string, string>
  created: number
  livemode: false
}

export interface Refund {
  id: string
  object: 'refund'
  amount: number
  currency: string
  charge: string
  payment_intent: string
  reason: string | null
  status: 'pending' | 'succeeded' | 'failed'
  failure_reason?: string
  metadata: Record<string, string>
  created: number
}

export interface Dispute {
  id: string
  object: 'dispute'
  amount: number
  currency: string
  charge: string
  payment_intent: string
  reason: string
  status:
    | 'needs_response'
    | 'under_review'
    | 'won'
    | 'lost'
    | 'warning_needs_response'
    | 'warning_under_review'
    | 'warning_closed'
    | 'prevented'
  evidence: Record<string, string>
  evidence_details: { due_by: number; has_evidence: boolean; submission_count: number }
  metadata: Record<string, string>
  created: number
  livemode: false
}

export interface Account {
  id: string
  object: 'account'
  type: string | null
  country: string
  default_currency: string
  email: string | null
  charges_enabled: boolean
  payouts_enabled: boolean
  details_submitted: boolean
  capabilities: Record<string, 'active' | 'inactive' | 'pending'>
  requirements: { currently_due: string[]; disabled_reason: string | null }
  metadata: Record<string, string>
  created: number
}

export interface Transfer {
  id: string
  object: 'transfer'
  amount: number
  amount_reversed: number
  currency: string
  destination: string
  source_transaction: string | null
  transfer_group: string | null
  reversed: boolean
  metadata: Record<string, string>
  created: number
  livemode: false
}

export interface Reversal {
  id: string
  object: 'transfer_reversal'
  amount: number
  currency: string
  transfer: string
  metadata: Record<string, string>
  created: number
}

export interface SandboxEvent {
  id: string
  object: 'event'
  api_version: string
  type: string
  created: number
  livemode: false
  pending_webhooks: number
  request: { id: string | null; idempotency_key: string | null }
  data: { object: unknown }
}
