/** Who comes with a request, before anybody knows who that is. */
export interface Visitor {
  /** What the browser calls itself. */
  device: string | null
  address: string
  /** Random, of a browser that was given one by an earlier login; new for anybody else. */
  deviceToken: string
}
