import { fileURLToPath } from 'node:url'
import type { App } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import type { MigrationSet } from '@auction/common/postgres/migrate.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createTestDatabase, type Teardown } from '@auction/common/testing/database.ts'
import { freePorts } from '@auction/common/testing/ports.ts'
import { readSecrets } from '@auction/local/secrets.ts'
import { PROCESSES, SERVICES } from '@auction/local/service-list.ts'
import { serviceSpec } from '@auction/local/services.ts'

/** An OpenAPI document, as far as tests look into it. */
export interface ApiDocument {
  openapi: string
  info: object
  servers: object[]
  tags?: object[]
  paths: Record<string, Record<string, Record<string, unknown>>>
  components: Record<string, Record<string, unknown>>
}

interface ServiceModules {
  SERVICE: { migrations: readonly MigrationSet[] }
  readApiConfig(env: NodeJS.ProcessEnv): unknown
  buildApi(config: unknown, context: object): Promise<App>
}

const load = async (service: string): Promise<ServiceModules> => {
  const files = ['service.ts', 'config.ts', 'app/api.ts']
  const modules = await Promise.all(
    files.map(
      (file) =>
        import(fileURLToPath(new URL(`../../services/${service}/src/${file}`, import.meta.url))),
    ),
  )
  return Object.assign({}, ...modules) as ServiceModules
}

/** The documents of all services by the service, from the applications that their processes run. */
export async function buildDocuments(
  t: Teardown,
  stateDir: string,
): Promise<Map<string, ApiDocument>> {
  const documents = new Map<string, ApiDocument>()
  for (const { name, docs } of SERVICES) {
    if (docs !== undefined) documents.set(name, await buildDocument(t, stateDir, name))
  }
  return documents
}

async function buildDocument(t: Teardown, stateDir: string, service: string): Promise<ApiDocument> {
  const { SERVICE, readApiConfig, buildApi } = await load(service)
  const { pool, config } = await createTestDatabase(t, SERVICE.migrations)
  // Nothing listens there: only gRPC opens a port before it is asked to.
  const [grpcPort = 0, port = 0, opsPort = 0] = await freePorts(3)
  const { env } = serviceSpec(`${service}-api`, {
    stateDir,
    secrets: readSecrets(stateDir),
    postgresPort: config.POSTGRES_PORT,
    rabbitmqUrl: 'amqp://127.0.0.1',
    publicUrl: 'http://localhost',
    smtpPort: port,
    sandboxUrl: `http://127.0.0.1:${port}`,
    grpcPort,
    listeners: new Map(PROCESSES.map(({ name }) => [name, { port, opsPort }])),
  })
  const stops: (() => unknown)[] = []
  const app = await buildApi(readApiConfig({ ...env, ...textsOf(config) }), {
    pool,
    db: createDatabase(pool),
    log: createLogger(service, 'silent'),
    registry: createRegistry(service),
    lifecycle: {
      onStop: (_name: string, stop: () => unknown) => stops.push(stop),
      isStopping: () => false,
    },
  })
  t.teardown(async () => {
    await app.close()
    for (const stop of stops.reverse()) await stop()
  })
  await app.ready()
  return app.swagger() as unknown as ApiDocument
}

const textsOf = (settings: object): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]))
