import { runApi } from '@auction/common/process/run-api.ts'
import { buildApi } from '#src/app/api.ts'
import { readApiConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const config = readApiConfig(process.env)

await runApi<Database>(SERVICE, config, (context) => buildApi(config, context))
