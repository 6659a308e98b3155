import { runService } from '@auction/common/process/service-process.ts'
import { buildApp } from '#src/app/app.ts'
import { readServerConfig } from '#src/config.ts'

const config = readServerConfig(process.env)

await runService('web', config, async ({ log, registry }) => ({
  app: await buildApp({
    auctionUrl: config.AUCTION_URL,
    bidUrl: config.BID_URL,
    identityUrl: config.IDENTITY_URL,
    orderUrl: config.ORDER_URL,
    paymentUrl: config.PAYMENT_URL,
    notificationUrl: config.NOTIFICATION_URL,
    publicUrl: config.PUBLIC_URL,
    log,
    registry,
  }),
  // It answers with an apology when the services behind it are away, so it is ready once it runs.
  checks: {},
}))
