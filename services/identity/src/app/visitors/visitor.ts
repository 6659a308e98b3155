/** The sender of a request, before it is known which user that is. */
export interface Visitor {
  /** What the browser calls itself. */
  device: string | null
  /** Null when a proxy named none. */
  address: string | null
  /** Random, set in a browser by an earlier login; new for every other request. */
  deviceToken: string
}
