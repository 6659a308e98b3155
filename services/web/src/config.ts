import { PROCESS_SETTINGS, readConfig } from '@auction/common/process/config.ts'
import { Type } from 'typebox'

const ServerConfig = Type.Object({
  ...PROCESS_SETTINGS,
  AUCTION_URL: Type.String({ minLength: 1 }),
  BID_URL: Type.String({ minLength: 1 }),
  IDENTITY_URL: Type.String({ minLength: 1 }),
  ORDER_URL: Type.String({ minLength: 1 }),
  PAYMENT_URL: Type.String({ minLength: 1 }),
  NOTIFICATION_URL: Type.String({ minLength: 1 }),
  /** The address that people type, without a path. */
  PUBLIC_URL: Type.String({ pattern: '^https?://[^/]+/?$' }),
})

export const readServerConfig = (env: NodeJS.ProcessEnv) => readConfig(ServerConfig, env)
