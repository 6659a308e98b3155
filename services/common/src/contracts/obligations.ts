import { type Static, Type } from 'typebox'

/**
 * What stands between a user and others, as the service that knows it says under GET
 * /internal/v1/users/:userId/obligations. An account with any is not deleted (domain rules, 4.10).
 */
export const Obligations = Type.Object({
  obligations: Type.Array(
    Type.Object({
      kind: Type.Union([
        Type.Literal('leading'),
        Type.Literal('selling'),
        Type.Literal('ordering'),
        Type.Literal('payable'),
      ]),
      count: Type.Integer({ minimum: 1 }),
    }),
  ),
})
export type Obligations = Static<typeof Obligations>
export type Obligation = Obligations['obligations'][number]

/** The services that answer it; a test compares them with `obligations` in charts/services.yaml. */
export const OBLIGATION_SERVICES = ['auction', 'bid', 'order', 'payment'] as const

export const obligationsPath = (userId: string) => `/internal/v1/users/${userId}/obligations`
