import { runMigrations } from '@auction/common/process/run-migrations.ts'
import { SERVICE } from '#src/service.ts'

await runMigrations(SERVICE, process.env)
