import {
  AUTH_SETTINGS,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/process/config.ts'
import { Type } from 'typebox'
import { parsePremiums } from '#src/domain/premium.ts'
import type { OrderSettings } from '#src/domain/settings.ts'

/** Time limits and premiums; an operator may change each (README, "Settings"). */
const ORDER_SETTINGS = {
  /** From the win to the instant at which an order must be paid. */
  ORDER_DUE_HOURS: Type.Integer({ default: 96, minimum: 1, maximum: 720 }),
  /** A buyer whose order came late, after an outage, has at least so long. */
  ORDER_DUE_LEAST_HOURS: Type.Integer({ default: 24, minimum: 1, maximum: 720 }),
  /** When buyers are reminded, in hours from the win, rising, by commas; empty: never. */
  ORDER_REMINDER_HOURS: Type.String({
    default: '24,48,72',
    pattern: '^([0-9]{1,3}(,[0-9]{1,3}){0,9})?$',
  }),
  /** From the due instant to the cancellation. */
  ORDER_OVERDUE_HOURS: Type.Integer({ default: 48, minimum: 1, maximum: 720 }),
  /** A shipped order is taken as delivered after so long, a delivered one as completed without a dispute. */
  ORDER_DELIVERED_DAYS: Type.Integer({ default: 14, minimum: 1, maximum: 120 }),
  ORDER_COMPLETED_DAYS: Type.Integer({ default: 7, minimum: 1, maximum: 120 }),
  /** So long after the end of an order its address is deleted. */
  ORDER_ADDRESS_DAYS: Type.Integer({ default: 90, minimum: 1, maximum: 3_650 }),
  /** So long a seller may reopen an order that was not paid, and the buyer has so long to pay it then. */
  ORDER_REOPEN_DAYS: Type.Integer({ default: 30, minimum: 1, maximum: 365 }),
  ORDER_REOPEN_DUE_HOURS: Type.Integer({ default: 48, minimum: 1, maximum: 720 }),
  /** So long the other side of a dispute has to answer before a moderator decides without it. */
  ORDER_DISPUTE_DAYS: Type.Integer({ default: 5, minimum: 1, maximum: 60 }),
  /** So many orders that were not paid suspend an account. */
  ORDER_STRIKES_MAX: Type.Integer({ default: 3, minimum: 1, maximum: 100 }),
  /** A strike counts for so long. */
  ORDER_STRIKE_DAYS: Type.Integer({ default: 365, minimum: 1, maximum: 3_650 }),
  ORDER_SUSPENSION_DAYS: Type.Integer({ default: 90, minimum: 1, maximum: 3_650 }),
  /** JSON object: currency code -> list of [from, basis points] of the buyer's premium. */
  ORDER_PREMIUMS: Type.String({ default: '{}' }),
}

const API_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...AUTH_SETTINGS,
  /** Who sells reserved lots. */
  BID_URL: Type.String({ minLength: 1 }),
  ...ORDER_SETTINGS,
  /** 32 random bytes in base64: seals addresses. OTHER opens what a former key sealed. */
  ORDER_SEAL_KEY: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
  ORDER_SEAL_KEY_OTHER: Type.String({ default: '', pattern: '^([A-Za-z0-9+/]{43}=)?$' }),
})

const WORKER_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
  /** Who knows what items are called. */
  AUCTION_URL: Type.String({ minLength: 1 }),
  /** Who frees the units of orders that are not reopened after all. */
  BID_URL: Type.String({ minLength: 1 }),
  ...ORDER_SETTINGS,
})

export type ApiConfig = ReturnType<typeof readApiConfig>
export type WorkerConfig = ReturnType<typeof readWorkerConfig>

/** Throws naming the setting that makes no sense. */
export function orderSettings(
  config: Pick<WorkerConfig, keyof typeof ORDER_SETTINGS>,
): OrderSettings {
  const reminderHours = config.ORDER_REMINDER_HOURS.split(',')
    .filter((text) => text !== '')
    .map(Number)
  if (reminderHours.some((hours, index) => hours <= (reminderHours[index - 1] ?? 0)))
    throw new Error('ORDER_REMINDER_HOURS: hours rise, and the first is after the win')
  return {
    limits: {
      dueHours: config.ORDER_DUE_HOURS,
      dueLeastHours: config.ORDER_DUE_LEAST_HOURS,
      reminderHours,
      overdueHours: config.ORDER_OVERDUE_HOURS,
      deliveredDays: config.ORDER_DELIVERED_DAYS,
      completedDays: config.ORDER_COMPLETED_DAYS,
      addressDays: config.ORDER_ADDRESS_DAYS,
      reopenDays: config.ORDER_REOPEN_DAYS,
      reopenDueHours: config.ORDER_REOPEN_DUE_HOURS,
      disputeDays: config.ORDER_DISPUTE_DAYS,
    },
    strikes: {
      max: config.ORDER_STRIKES_MAX,
      days: config.ORDER_STRIKE_DAYS,
      suspensionDays: config.ORDER_SUSPENSION_DAYS,
    },
    premiums: parsePremiums(config.ORDER_PREMIUMS, 'ORDER_PREMIUMS'),
  }
}

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(API_SETTINGS, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WORKER_SETTINGS, env)
