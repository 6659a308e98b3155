import { Amount, CurrencyCode, Instant, STRICT } from '@auction/common/http/schemas.ts'
import { Type } from 'typebox'
import { ITEM_STATUSES } from '#src/domain/item.ts'

const optional = Type.Optional
const OptionalAmount = optional(Type.Union([Amount, Type.Null()]))

const required = {
  name: Type.String({ minLength: 1, maxLength: 400, description: '1 to 200 characters' }),
  currencyCode: CurrencyCode,
  startPrice: Amount,
  startDate: Instant,
  endDate: Instant,
}

const optionals = {
  description: optional(Type.String({ maxLength: 10_000 })),
  type: optional(
    Type.Union([
      Type.Literal('english'),
      Type.Literal('sealed_first'),
      Type.Literal('sealed_second'),
      Type.Literal('dutch'),
      Type.Literal('reverse'),
    ]),
  ),
  bidIncrement: OptionalAmount,
  reservePrice: OptionalAmount,
  buyoutPrice: OptionalAmount,
  extensionThresholdMinutes: optional(
    Type.Union([Type.Integer({ minimum: 0, maximum: 1_440 }), Type.Null()]),
  ),
  extensionDurationMinutes: optional(Type.Integer({ minimum: 0, maximum: 1_440 })),
  extensionMode: optional(Type.Union([Type.Literal('from_end'), Type.Literal('from_bid')])),
  maxExtensionMinutes: optional(Type.Integer({ minimum: 0, maximum: 10_080 })),
  maxExtensions: optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
}

/** What POST /items takes. Nothing else: status, prices reached and owner are not the caller's. */
export const CreateBody = Type.Object({ ...required, ...optionals }, STRICT)

/** What PUT /items/:id takes: absent fields stay, null takes an optional one away. */
export const UpdateBody = Type.Object(
  {
    name: optional(required.name),
    currencyCode: optional(CurrencyCode),
    startPrice: optional(Amount),
    startDate: optional(Instant),
    endDate: optional(Instant),
    ...optionals,
    version: optional(
      Type.Integer({
        minimum: 1,
        description: 'Refuse the change if the item has another version.',
      }),
    ),
  },
  { ...STRICT, minProperties: 1 },
)

export const ListQueryString = Type.Object(
  {
    page: Type.Integer({ minimum: 1, maximum: 10_000, default: 1 }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    status: optional(Type.Union(ITEM_STATUSES.map((status) => Type.Literal(status)))),
    mine: Type.Boolean({ default: false, description: 'Only your own, drafts included.' }),
    cursor: optional(
      Type.String({
        minLength: 1,
        maxLength: 400,
        description: 'The page after the one that gave it as nextCursor; `page` stays 1 then.',
      }),
    ),
    sort: Type.Union([Type.Literal('endDate'), Type.Literal('-endDate')], { default: 'endDate' }),
  },
  STRICT,
)
