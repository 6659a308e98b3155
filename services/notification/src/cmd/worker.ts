import { runWorker } from '@auction/common/process/run-worker.ts'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const config = readWorkerConfig(process.env)

await runWorker<Database>(SERVICE, config, (context) => buildWorker(config, context))
