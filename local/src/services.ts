import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProcessSpec } from './process-table.ts'
import type { Secrets } from './secrets.ts'
import { PROCESSES, UPSTREAMS } from './service-list.ts'

export interface Listeners {
  port: number
  opsPort: number
}

export interface ServiceContext {
  stateDir: string
  secrets: Secrets
  postgresPort: number
  rabbitmqUrl: string
  publicUrl: string
  /** Where the mailbox takes mails. */
  smtpPort: number
  /** Where the payment sandbox answers. */
  sandboxUrl: string
  /** Where auction-api serves gRPC. */
  grpcPort: number
  /** Of each process, by its name. */
  listeners: ReadonlyMap<string, Listeners>
}

const SERVICES = fileURLToPath(new URL('../../services', import.meta.url))

/** The environment of a service's processes, as a Deployment would set it. */
export function serviceEnvironment(service: string, context: ServiceContext): NodeJS.ProcessEnv {
  const { secrets, postgresPort, rabbitmqUrl, publicUrl, listeners, stateDir } = context
  const url = (name: string) => `http://127.0.0.1:${listeners.get(name)?.port}`
  return {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: compileCache(stateDir),
    HOST: '127.0.0.1',
    LOG_LEVEL: 'info',
    SHUTDOWN_DRAIN_MS: '0',
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_PORT: String(postgresPort),
    POSTGRES_USERNAME: service,
    POSTGRES_PASSWORD: secrets.postgresServices,
    POSTGRES_DATABASE: service,
    RABBITMQ_URL: rabbitmqUrl,
    JWKS_URL: `${url('identity-api')}/identity/.well-known/jwks.json`,
    INTERNAL_JWT_SECRET: secrets.internalJwt,
    KEY_ENCRYPTION_KEY: secrets.keyEncryptionKey,
    MAIL_SEAL_KEY: secrets.mailSealKey,
    WEBHOOK_SEAL_KEY: secrets.webhookSealKey,
    MAIL_REPORT_SECRET: secrets.mailReportSecret,
    ORDER_SEAL_KEY: secrets.orderSealKey,
    VAPID_PUBLIC_KEY: secrets.vapidPublicKey,
    VAPID_PRIVATE_KEY: secrets.vapidPrivateKey,
    VAPID_SUBJECT: 'mailto:operators@localhost',
    // A receiver that a developer tries webhooks with runs on this machine.
    OUTGOING_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    ...Object.fromEntries(
      UPSTREAMS.map(({ name, service }) => [`${service.toUpperCase()}_URL`, url(name)]),
    ),
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: String(context.smtpPort),
    SMTP_TLS: 'none',
    MAIL_FROM: 'auction@localhost',
    MAIL_BOUNCE_ADDRESS: 'bounces@localhost',
    GRPC_PORT: String(context.grpcPort),
    PUBLIC_URL: publicUrl,
    // The gateway; all other programs on this machine are trusted as well.
    TRUSTED_PROXIES: '127.0.0.1,::1',
    // All users of this machine have one address.
    TRIES_PER_ADDRESS: '100000',
    LIVE_STREAMS_PER_ADDRESS: '100000',
    // Demos, replays and tests bid for many with few accounts.
    BIDS_PER_BIDDER_SECOND: '100000',
    REFUSALS_PER_BIDDER_SECOND: '100000',
    BIDS_PER_BIDDER_BURST: '100000',
    OTEL_SERVICE_NAME: service,
    // A developer reads no mails before trying things out; tests of that set it to required.
    EMAIL_VERIFICATION: 'optional',
    // Auctions of seconds are for demos, replays and tests; the default is half an hour.
    MIN_AUCTION_SECONDS: '3',
    BUYOUT_RESERVATIONS: 'true',
    STRIPE_API_URL: context.sandboxUrl,
    STRIPE_SECRET_KEY: secrets.stripeSecretKey,
    STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
    // The sandbox signs all of its reports with the secret above.
    STRIPE_CONNECT: 'true',
    // A developer does not wait a day for the next payout.
    PAYOUT_INTERVAL_HOURS: '1',
    IMAGES_FOLDER: join(stateDir, 'images'),
  }
}

/** How one process is started: the same file and environment names as in its container. */
export function serviceSpec(
  name: string,
  context: ServiceContext,
  extra: NodeJS.ProcessEnv = {},
): ProcessSpec {
  const found = PROCESSES.find((one) => one.name === name)
  const listener = context.listeners.get(name)
  if (found === undefined || listener === undefined) throw new Error(`no process ${name}`)
  const { service, entry, node } = found
  return {
    name,
    command: process.execPath,
    args: [...node, '--import', '@auction/common/telemetry/register.ts', entry],
    cwd: join(SERVICES, service),
    env: {
      ...serviceEnvironment(service, context),
      PORT: String(listener.port),
      OPS_PORT: String(listener.opsPort),
      ...extra,
    },
  }
}

/** Migrations of one service, run to the end before its processes start. */
export function migrationSpec(service: string, context: ServiceContext): ProcessSpec {
  return {
    name: `${service}-migrate`,
    command: process.execPath,
    args: ['src/cmd/migrate.ts'],
    cwd: join(SERVICES, service),
    env: serviceEnvironment(service, context),
  }
}

/** Exchanges and queues of the whole platform, declared before the first process that publishes or consumes starts. */
export function topologySpec({ rabbitmqUrl, stateDir }: ServiceContext): ProcessSpec {
  return {
    name: 'topology',
    command: process.execPath,
    args: ['src/cmd/topology.ts'],
    cwd: join(SERVICES, 'common'),
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: compileCache(stateDir),
      RABBITMQ_URL: rabbitmqUrl,
    },
  }
}

/** All platforms of a test run share one. */
const compileCache = (stateDir: string) =>
  process.env.NODE_COMPILE_CACHE ?? join(stateDir, 'compile-cache')
