import { fileURLToPath } from 'node:url'
import type { Logger } from '@auction/common/process/logger.ts'
import { REQUEST_SECONDS } from '@auction/common/telemetry/metrics.ts'
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation, protoPath as healthProto } from 'grpc-health-check'
import type { Kysely } from 'kysely'
import { Histogram, type Registry } from 'prom-client'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createGetItemForBid } from './get-item-for-bid.ts'
import { createServiceTokenReader } from './service-token.ts'

export interface GrpcOptions {
  db: Kysely<Database>
  log: Logger
  registry: Registry
  internalSecret: string
  host: string
  port: number
}

export interface GrpcServer {
  port: number
  /** Health becomes NOT_SERVING, running calls are finished, then the port closes. */
  close(): Promise<void>
}

export const ITEM_PROTO = fileURLToPath(
  new URL('../../../proto/auction/item/v1/item.proto', import.meta.url),
)
export const LOADING = { keepCase: true, longs: String, defaults: true } as const

const ITEM_SERVICE = 'auction.item.v1.ItemService'
const MESSAGE_BYTES_MAX = 4_096
const STREAMS_MAX = 100
const IDLE_MS_MAX = 300_000
const CLOSE_TIMEOUT_MS = 5_000

/**
 * Serves items to bid services. Health and reflection need no token. Like the internal HTTP routes it
 * is never behind the gateway.
 */
export async function startGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { db, log, registry, internalSecret, host } = options
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.max_connection_idle_ms': IDLE_MS_MAX,
  })
  const definitions = loadSync(ITEM_PROTO, LOADING)
  server.addService(definitions[ITEM_SERVICE] as ServiceDefinition, {
    GetItemForBid: createGetItemForBid({
      db,
      log,
      readCaller: createServiceTokenReader('auction', internalSecret),
      observe: createObserver(registry),
    }),
  })
  const health = new HealthImplementation({ '': 'SERVING', [ITEM_SERVICE]: 'SERVING' })
  health.addToServer(server)
  const described: PackageDefinition = { ...definitions, ...loadSync(healthProto, LOADING) }
  new ReflectionService(described).addToServer(server)
  const port = await bind(server, `${host}:${options.port}`)
  return {
    port,
    async close() {
      for (const name of ['', ITEM_SERVICE]) health.setStatus(name, 'NOT_SERVING')
      await shutDown(server)
    },
  }
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

/** A client that watches health keeps its stream open, so waiting for all calls has a time limit. */
function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, CLOSE_TIMEOUT_MS)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function createObserver(registry: Registry): (code: number, seconds: number) => void {
  const histogram = new Histogram({
    name: 'grpc_request_duration_seconds',
    help: 'Duration of gRPC calls by method and status code.',
    labelNames: ['method', 'code'],
    buckets: [...REQUEST_SECONDS],
    registers: [registry],
  })
  return (code, seconds) =>
    histogram.observe({ method: 'GetItemForBid', code: String(code) }, seconds)
}
