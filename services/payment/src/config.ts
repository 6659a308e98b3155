import { isCurrency, parseAmount } from '@auction/common/money.ts'
import {
  AUTH_SETTINGS,
  MigrateConfig,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/process/config.ts'
import { Type } from 'typebox'
import { type ApprovalRules, NO_APPROVALS } from '#src/domain/approval.ts'
import type { PayoutProvider } from '#src/domain/payout.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { createMollieProvider } from '#src/infra/mollie/mollie-provider.ts'
import type { StripeOptions } from '#src/infra/stripe/stripe-client.ts'
import { createStripePayouts } from '#src/infra/stripe/stripe-payouts.ts'
import { createStripeProvider } from '#src/infra/stripe/stripe-provider.ts'

const HOUR_MS = 3_600_000

/** Without a secret key Stripe is off, without an API key Mollie. */
const PROVIDER_SETTINGS = {
  STRIPE_SECRET_KEY: Type.String({ default: '', maxLength: 300 }),
  /** With which Stripe signs its webhooks. */
  STRIPE_WEBHOOK_SECRET: Type.String({ default: '', maxLength: 300 }),
  /** Sellers are paid out by Stripe Connect, which an operator has to agree on with Stripe. */
  STRIPE_CONNECT: Type.Boolean({ default: false }),
  /** Of the endpoint of webhooks about accounts of sellers; empty: that one has the same. */
  STRIPE_CONNECT_WEBHOOK_SECRET: Type.String({ default: '', maxLength: 300 }),
  /** Another address than Stripe's own: that of the sandbox. */
  STRIPE_API_URL: Type.String({ default: '', pattern: '^(https?://[^/]+/?)?$' }),
  STRIPE_TIMEOUT_MS: Type.Integer({ default: 10_000, minimum: 100, maximum: 60_000 }),
  MOLLIE_API_KEY: Type.String({ default: '', maxLength: 300 }),
  /** Makes the addresses that Mollie reports to; it is ours, not Mollie's, so a short one can be guessed. */
  MOLLIE_WEBHOOK_SECRET: Type.String({ default: '', pattern: '^(.{32,300})?$' }),
  /** Another address than Mollie's own: that of a sandbox. */
  MOLLIE_API_URL: Type.String({ default: '', pattern: '^(https?://[^/]+/?)?$' }),
  MOLLIE_TIMEOUT_MS: Type.Integer({ default: 10_000, minimum: 100, maximum: 60_000 }),
  /** The address that people type, without a path: buyers come back to it, and Mollie reports to it. */
  PUBLIC_URL: Type.String({ pattern: '^https?://[^/]+/?$' }),
}

const CHARGE_SETTINGS = {
  /** Country or region where the platform owes tax on what it earns: `DE`, `US-CA`; empty: nowhere. */
  TAX_JURISDICTION: Type.String({ default: '', pattern: '^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$' }),
}

const API_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...AUTH_SETTINGS,
  ...CHARGE_SETTINGS,
  ...PROVIDER_SETTINGS,
  /** Who knows what buyers owe. */
  ORDER_URL: Type.String({ minLength: 1 }),
  /** Who knows what lots want held. */
  BID_URL: Type.String({ minLength: 1 }),
  /** A buyer has so long on the page of the provider. Stripe takes 30 minutes to a day. */
  PAYMENT_SESSION_MINUTES: Type.Integer({ default: 60, minimum: 31, maximum: 1_430 }),
  /**
   * JSON object: currency code -> what one operator may give back or pay out alone, `"500.00"`; nothing of a currency that it
   * does not name, and changes of fees never. Empty: one operator decides everything.
   */
  APPROVAL_LIMITS: Type.String({ default: '' }),
  /** What no other operator has approved for so long is over. */
  APPROVAL_HOURS: Type.Integer({ default: 72, minimum: 1, maximum: 720 }),
  /** What the seller gets of the deposit of a winner who does not pay; the rest is the platform's. Held ones keep theirs. */
  DEPOSIT_SELLER_PERCENT: Type.Integer({ default: 100, minimum: 0, maximum: 100 }),
})

const WORKER_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
  ...CHARGE_SETTINGS,
  ...PROVIDER_SETTINGS,
  ORDER_URL: Type.String({ minLength: 1 }),
  BID_URL: Type.String({ minLength: 1 }),
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
  /** JSON object: currency code -> the least that is paid out, `"10.00"`; less waits. */
  PAYOUT_MINIMUMS: Type.String({ default: '{}' }),
  /** Between two payouts of one seller. */
  PAYOUT_INTERVAL_HOURS: Type.Integer({ default: 24, minimum: 1, maximum: 2_160 }),
  /** How many losers of one lot are let go of in a second; less than the provider takes, so that small lots do not wait for large ones. */
  DEPOSIT_RELEASES_PER_SECOND: Type.Integer({ default: 20, minimum: 1, maximum: 1_000 }),
  /** Who issues invoices: name, address (lines by \\n) and tax number, as the law of the installation wants it. */
  INVOICE_ISSUER_NAME: Type.String({ default: 'Auction', minLength: 1, maxLength: 200 }),
  INVOICE_ISSUER_ADDRESS: Type.String({ default: '', maxLength: 1_000 }),
  INVOICE_ISSUER_TAX_ID: Type.String({ default: '', maxLength: 100 }),
})

export type ApiConfig = ReturnType<typeof readApiConfig>
export type WorkerConfig = ReturnType<typeof readWorkerConfig>

type ProviderConfig = Pick<WorkerConfig, keyof typeof PROVIDER_SETTINGS>

/** The providers that are set up, by name; buyers get the first unless they choose. Throws when only half of one is. */
export function createProviders(config: ProviderConfig): ReadonlyMap<string, PaymentProvider> {
  const found = [stripeOf(config), mollieOf(config)].filter((one) => one !== undefined)
  return new Map(found.map((provider) => [provider.name, provider]))
}

/** Who pays sellers out; the others are paid by hand. */
export function createPayoutProviders(config: ProviderConfig): readonly PayoutProvider[] {
  if (!config.STRIPE_CONNECT) return []
  const options = stripeOptionsOf(config)
  if (options === undefined) throw new Error('STRIPE_CONNECT wants STRIPE_SECRET_KEY')
  return [createStripePayouts(options)]
}

function stripeOf(config: ProviderConfig): PaymentProvider | undefined {
  const options = stripeOptionsOf(config)
  return options === undefined ? undefined : createStripeProvider(options)
}

function stripeOptionsOf(config: ProviderConfig): StripeOptions | undefined {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret } = config
  if (secretKey === '' && webhookSecret === '') return undefined
  if (secretKey === '' || webhookSecret === '') {
    throw new Error('STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET belong together')
  }
  return {
    secretKey,
    webhookSecret,
    connectWebhookSecret: config.STRIPE_CONNECT_WEBHOOK_SECRET,
    timeoutMs: config.STRIPE_TIMEOUT_MS,
    ...(config.STRIPE_API_URL === '' ? {} : { apiUrl: config.STRIPE_API_URL }),
  }
}

function mollieOf(config: ProviderConfig): PaymentProvider | undefined {
  const { MOLLIE_API_KEY: apiKey, MOLLIE_WEBHOOK_SECRET: webhookSecret } = config
  if (apiKey === '' && webhookSecret === '') return undefined
  if (apiKey === '' || webhookSecret === '') {
    throw new Error('MOLLIE_API_KEY and MOLLIE_WEBHOOK_SECRET belong together')
  }
  return createMollieProvider({
    apiKey,
    webhookSecret,
    publicUrl: config.PUBLIC_URL,
    timeoutMs: config.MOLLIE_TIMEOUT_MS,
    ...(config.MOLLIE_API_URL === '' ? {} : { apiUrl: config.MOLLIE_API_URL }),
  })
}

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(API_SETTINGS, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WORKER_SETTINGS, env)
export const readDatabaseConfig = (env: NodeJS.ProcessEnv) => readConfig(MigrateConfig, env)

/** In minor units; 1 for a currency that PAYOUT_MINIMUMS does not name. Throws for what is no amount. */
export function readPayoutMinimums(text: string): (currencyCode: string) => bigint {
  const minimums = readAmounts('PAYOUT_MINIMUMS', text)
  return (currencyCode) => minimums.get(currencyCode) ?? 1n
}

/** What one operator may do alone. Throws for what is no amount. */
export function approvalRulesOf({
  APPROVAL_LIMITS: text,
  APPROVAL_HOURS: hours,
}: Pick<ApiConfig, 'APPROVAL_LIMITS' | 'APPROVAL_HOURS'>): ApprovalRules {
  if (text === '') return NO_APPROVALS
  const limits = readAmounts('APPROVAL_LIMITS', text, { allowZero: true })
  return {
    isOn: true,
    limitOf: (currencyCode) => limits.get(currencyCode) ?? 0n,
    expiryMs: hours * HOUR_MS,
  }
}

function readAmounts(name: string, text: string, options = {}): Map<string, bigint> {
  const read: unknown = JSON.parse(text)
  if (typeof read !== 'object' || read === null) throw new Error(`${name} is no object`)
  return new Map(
    Object.entries(read).map(([currencyCode, amount]) => {
      if (!isCurrency(currencyCode)) throw new Error(`${name}: ${currencyCode}`)
      const parsed = parseAmount(amount, currencyCode, options)
      if (!parsed.ok) throw new Error(`${name}: ${currencyCode}: ${parsed.reason}`)
      return [currencyCode, parsed.minor]
    }),
  )
}

/** Undefined: the platform owes no tax. */
export const jurisdictionOf = (config: { TAX_JURISDICTION: string }): string | undefined =>
  config.TAX_JURISDICTION === '' ? undefined : config.TAX_JURISDICTION

/** What a command that looks at providers needs. */
export const readReconcileConfig = (env: NodeJS.ProcessEnv) =>
  readConfig(Type.Object({ ...MigrateConfig.properties, ...PROVIDER_SETTINGS }), env)

/** Who issues invoices from now on; those that are issued keep theirs. */
export const issuerOf = (
  config: Pick<
    WorkerConfig,
    'INVOICE_ISSUER_NAME' | 'INVOICE_ISSUER_ADDRESS' | 'INVOICE_ISSUER_TAX_ID'
  >,
) => ({
  name: config.INVOICE_ISSUER_NAME,
  address: config.INVOICE_ISSUER_ADDRESS.replaceAll('\\n', '\n'),
  taxId: config.INVOICE_ISSUER_TAX_ID,
})
