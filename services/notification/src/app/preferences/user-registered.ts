import { userRegistered } from '@auction/common/contracts/identity.ts'
import { transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { LANGUAGES } from '#src/domain/notice-text.ts'
import { hasDeparted, shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import { setFirstLanguage } from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

/** Addresses a user in the language of the registration; neither name nor address is stored. */
export const onUserRegistered = () =>
  transactional({
    kind: 'transactional',
    consumer: SERVICE.name,
    contract: userRegistered,
    async handle(tx: Transaction<Database>, { payload: { userId, locale } }) {
      const language = LANGUAGES.find((one) => one === locale)
      if (language === undefined) return
      await shareDepartures(tx)
      if (await hasDeparted(tx, userId)) return
      await setFirstLanguage(tx, userId, language)
    },
  })
