import { operationsOf } from '#src/infra/postgres/operations.ts'

export const {
  plan: planDepositOperation,
  planSending: planDepositSending,
  planAgain: planDepositAgain,
  markSending: markDepositSending,
  markUnsent: markDepositUnsent,
  mark: markDepositOperation,
} = operationsOf('deposit')
