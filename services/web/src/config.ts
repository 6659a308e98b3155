import { PROCESS_SETTINGS, readConfig } from '@auction/common/process/config.ts'
import { Type } from 'typebox'

const ServerConfig = Type.Object({
  ...PROCESS_SETTINGS,
  AUCTION_URL: Type.String({ minLength: 1 }),
  BID_URL: Type.String({ minLength: 1 }),
})

export const readServerConfig = (env: NodeJS.ProcessEnv) => readConfig(ServerConfig, env)
