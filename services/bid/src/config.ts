import {
  AUTH_SETTINGS,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/process/config.ts'
import { Type } from 'typebox'
import type { OfferWindows } from '#src/domain/offer.ts'

/** How bids are judged; an operator may change each (README, "Settings"). */
const JUDGING_SETTINGS = {
  /** JSON object: currency code -> list of [from, increment] in major units. */
  BID_INCREMENT_TABLES: Type.String({ default: '{}' }),
  /** A maximum above this multiple of the price must be confirmed. */
  BID_CONFIRMATION_FACTOR: Type.Integer({ default: 5, minimum: 2, maximum: 1_000 }),
  /** JSON object: currency code -> from which maximum on, if not from about 100 dollars. */
  BID_CONFIRMATION_THRESHOLDS: Type.String({ default: '{}' }),
  /** JSON object: currency code -> the highest bid that is taken, if not the built-in one. */
  BID_ABSOLUTE_CAPS: Type.String({ default: '{}' }),
  BID_BATCH_MAX: Type.Integer({ default: 256, minimum: 1, maximum: 1_000 }),
  BID_QUEUE_MAX: Type.Integer({ default: 2_000, minimum: 1, maximum: 20_000 }),
  /** How many bids, and how many refused ones, one bidder may send to a process in a second. */
  BIDS_PER_BIDDER_SECOND: Type.Integer({ default: 10, minimum: 1, maximum: 1_000_000 }),
  REFUSALS_PER_BIDDER_SECOND: Type.Integer({ default: 3, minimum: 1, maximum: 1_000_000 }),
  /** How many of either at once, after a pause. */
  BIDS_PER_BIDDER_BURST: Type.Integer({ default: 30, minimum: 1, maximum: 1_000_000 }),
}

/** For how long after the close a seller may make offers (R-OFFER-1). */
const OFFER_SETTINGS = {
  BID_OFFER_BELOW_RESERVE_HOURS: Type.Integer({ default: 48, minimum: 1, maximum: 48 }),
  BID_OFFER_SECOND_CHANCE_DAYS: Type.Integer({ default: 60, minimum: 1, maximum: 60 }),
}

const API_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...AUTH_SETTINGS,
  ...JUDGING_SETTINGS,
  ...OFFER_SETTINGS,
  LEGACY_PASCAL_ALIAS: RABBITMQ_SETTINGS.LEGACY_PASCAL_ALIAS,
})

const WORKER_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
  BID_INCREMENT_TABLES: JUDGING_SETTINGS.BID_INCREMENT_TABLES,
  ...OFFER_SETTINGS,
  AUCTION_URL: Type.String({ minLength: 1 }),
  BID_REFUSED_RETENTION_DAYS: Type.Integer({ default: 7, minimum: 1, maximum: 3_650 }),
  /**
   * A lot is extended after an outage to so long from then, at least. Less than the last minutes that
   * an outage harms (R-CLOSE-13) could bring the end forward.
   */
  BID_OUTAGE_EXTENSION_MINUTES: Type.Integer({ default: 15, minimum: 5, maximum: 1_440 }),
})

const VERIFY_SETTINGS = Type.Object({
  LOG_LEVEL: PROCESS_SETTINGS.LOG_LEVEL,
  ...POSTGRES_SETTINGS,
  BID_INCREMENT_TABLES: JUDGING_SETTINGS.BID_INCREMENT_TABLES,
})

const HOUR_MS = 3_600_000

export const readOfferWindows = (
  config: Record<keyof typeof OFFER_SETTINGS, number>,
): OfferWindows => ({
  belowReserveMs: config.BID_OFFER_BELOW_RESERVE_HOURS * HOUR_MS,
  secondChanceMs: config.BID_OFFER_SECOND_CHANCE_DAYS * 24 * HOUR_MS,
})

export type ApiConfig = ReturnType<typeof readApiConfig>
export type WorkerConfig = ReturnType<typeof readWorkerConfig>

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(API_SETTINGS, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WORKER_SETTINGS, env)
export const readVerifyConfig = (env: NodeJS.ProcessEnv) => readConfig(VERIFY_SETTINGS, env)
