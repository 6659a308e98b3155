import { createServiceClient, type ServiceClient } from './service-client.ts'

/** Where each service behind the pages is. */
export interface ServiceUrls {
  auctionUrl: string
  bidUrl: string
  identityUrl: string
  orderUrl: string
  paymentUrl: string
  notificationUrl: string
}

/** One client of each, so that a service has one retry budget. */
export interface Services {
  auction: ServiceClient
  bid: ServiceClient
  identity: ServiceClient
  order: ServiceClient
  payment: ServiceClient
  notification: ServiceClient
}

export function createServices(urls: ServiceUrls, readTimeoutMs: number): Services {
  return {
    auction: createServiceClient(urls.auctionUrl, readTimeoutMs),
    bid: createServiceClient(urls.bidUrl, readTimeoutMs),
    identity: createServiceClient(urls.identityUrl, readTimeoutMs),
    order: createServiceClient(urls.orderUrl, readTimeoutMs),
    payment: createServiceClient(urls.paymentUrl, readTimeoutMs),
    notification: createServiceClient(urls.notificationUrl, readTimeoutMs),
  }
}
