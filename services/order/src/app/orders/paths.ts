import { Uuid } from '@auction/common/http/schemas.ts'
import { Type } from 'typebox'

export const ORDERS = '/api/v1/orders'
export const ORDER = `${ORDERS}/:id`
export const OrderParams = Type.Object({ id: Uuid })
