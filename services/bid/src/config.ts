import {
  AUTH_SETTINGS,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/process/config.ts'
import { Type } from 'typebox'

/** How bids are judged; an operator may change each (README, "Settings"). */
const JUDGING_SETTINGS = {
  /** JSON object: currency code -> list of [from, increment] in major units. */
  BID_INCREMENT_TABLES: Type.String({ default: '{}' }),
  /** A maximum above this multiple of the price must be confirmed. */
  BID_CONFIRMATION_FACTOR: Type.Integer({ default: 5, minimum: 2, maximum: 1_000 }),
  /** JSON object: currency code -> from which maximum on, if not from about 100 dollars. */
  BID_CONFIRMATION_THRESHOLDS: Type.String({ default: '{}' }),
  /** JSON object: currency code -> the highest bid that is taken, if not about a billion dollars. */
  BID_ABSOLUTE_CAPS: Type.String({ default: '{}' }),
  BID_BATCH_MAX: Type.Integer({ default: 256, minimum: 1, maximum: 1_000 }),
  BID_QUEUE_MAX: Type.Integer({ default: 2_000, minimum: 1, maximum: 20_000 }),
  /** How many bids, and how many refused ones, one bidder may send to a process in a second. */
  BIDS_PER_BIDDER_SECOND: Type.Integer({ default: 10, minimum: 1, maximum: 1_000_000 }),
  REFUSALS_PER_BIDDER_SECOND: Type.Integer({ default: 3, minimum: 1, maximum: 1_000_000 }),
  /** How many of either at once, after a pause. */
  BIDS_PER_BIDDER_BURST: Type.Integer({ default: 30, minimum: 1, maximum: 1_000_000 }),
}

const API_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...AUTH_SETTINGS,
  ...JUDGING_SETTINGS,
  LEGACY_PASCAL_ALIAS: RABBITMQ_SETTINGS.LEGACY_PASCAL_ALIAS,
})

const WORKER_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
  AUCTION_URL: Type.String({ minLength: 1 }),
  BID_REFUSED_RETENTION_DAYS: Type.Integer({ default: 7, minimum: 1, maximum: 3_650 }),
  /**
   * By how much a lot is extended after an outage, at least. Less than the last minutes that an
   * outage harms (R-CLOSE-13) could bring the end forward.
   */
  BID_OUTAGE_EXTENSION_MINUTES: Type.Integer({ default: 15, minimum: 5, maximum: 1_440 }),
})

const VERIFY_SETTINGS = Type.Object({
  LOG_LEVEL: PROCESS_SETTINGS.LOG_LEVEL,
  ...POSTGRES_SETTINGS,
  BID_INCREMENT_TABLES: JUDGING_SETTINGS.BID_INCREMENT_TABLES,
})

export type ApiConfig = ReturnType<typeof readApiConfig>
export type WorkerConfig = ReturnType<typeof readWorkerConfig>

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(API_SETTINGS, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WORKER_SETTINGS, env)
export const readVerifyConfig = (env: NodeJS.ProcessEnv) => readConfig(VERIFY_SETTINGS, env)
