import {
  AUTH_SETTINGS,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/process/config.ts'
import { Type } from 'typebox'
import { AUTO_RELISTS_MAX, PRICE_DROP_PERCENT_MAX } from '#src/domain/relist.ts'

const LISTING_SETTINGS = {
  /** The shortest auction a seller may list. Tests and demos run auctions of seconds. */
  MIN_AUCTION_SECONDS: Type.Integer({ default: 1_800, minimum: 1, maximum: 86_400 }),
  /** Whether publishing needs the seller role, which identity grants for accepting the seller terms. */
  REQUIRE_SELLER_ROLE: Type.Boolean({ default: false }),
  /**
   * Whether sellers may have a purchase reserve an item. Off until every process of order and bid is of a version
   * that knows reservations (operations.md).
   */
  BUYOUT_RESERVATIONS: Type.Boolean({ default: false }),
  /** How old lists and items may be that callers without a token get. */
  PUBLIC_READS_MAX_AGE_MS: Type.Integer({ default: 100, minimum: 0, maximum: 10_000 }),
  /** How old the numbers of items in categories may be: each count goes through all public items that are in any. */
  CATEGORY_COUNTS_MAX_AGE_MS: Type.Integer({ default: 10_000, minimum: 0, maximum: 600_000 }),
}

/** What sellers may choose of automatic relists (R-RELIST-2). */
const RELIST_SETTINGS = {
  AUTO_RELISTS_MAX: Type.Integer({ default: 5, minimum: 0, maximum: AUTO_RELISTS_MAX }),
  RELIST_PRICE_DROP_MAX_PERCENT: Type.Integer({
    default: 50,
    minimum: 0,
    maximum: PRICE_DROP_PERCENT_MAX,
  }),
}

const IMAGE_SETTINGS = {
  /** A folder that every process of this service sees. */
  IMAGES_FOLDER: Type.String({ default: 'images', minLength: 1 }),
  /** When set, images are stored in this bucket and not in the folder. */
  S3_BUCKET: Type.String({ default: '' }),
  S3_REGION: Type.String({ default: 'us-east-1', minLength: 1 }),
  S3_ENDPOINT: Type.String({ default: '' }),
  S3_ACCESS_KEY: Type.String({ default: '' }),
  S3_SECRET_KEY: Type.String({ default: '' }),
}

const API_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  /** For bid services. The original used 9090, which is the operators' listener here. */
  GRPC_PORT: Type.Integer({ default: 50_051, minimum: 0, maximum: 65_535 }),
  ...POSTGRES_SETTINGS,
  ...AUTH_SETTINGS,
  ...LISTING_SETTINGS,
  ...RELIST_SETTINGS,
  ...IMAGE_SETTINGS,
  LEGACY_PASCAL_ALIAS: RABBITMQ_SETTINGS.LEGACY_PASCAL_ALIAS,
  BID_URL: Type.String({ minLength: 1 }),
})

const WORKER_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
  ...IMAGE_SETTINGS,
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
  /** Words, separated by commas, that make a report for the moderators. Empty: the bundled ones. */
  BANNED_WORDS: Type.String({ default: '', maxLength: 20_000 }),
  BID_URL: Type.String({ minLength: 1 }),
  IDENTITY_URL: Type.String({ minLength: 1 }),
})

export type ApiConfig = ReturnType<typeof readApiConfig>
export type WorkerConfig = ReturnType<typeof readWorkerConfig>

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(API_SETTINGS, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WORKER_SETTINGS, env)
