import t from 'tap'
import { judgeWeakness } from '#src/domain/weak-password.ts'
import { COMMON_PASSWORD_COUNT, isCommonPassword } from '#src/infra/passwords/common-passwords.ts'

const OWNER = { email: 'jane.austen@example.org', name: 'Jane Austen' }
const judge = (password: string) => judgeWeakness(password, OWNER, isCommonPassword)

t.test('S2: passwords that very many people use are refused, also dressed up', async (t) => {
  t.ok(COMMON_PASSWORD_COUNT >= 3_000, `${COMMON_PASSWORD_COUNT} are known`)
  for (const password of [
    'password',
    'PASSWORD',
    'Password1',
    'password!',
    '12345678',
    'qwertyuiop',
    '1dragon1',
  ]) {
    t.equal(judge(password), 'common', password)
  }
})

t.test('a password is not like the address or the name of its owner', async (t) => {
  for (const password of ['jane.austen', 'janeausten1', 'Austen1775', 'jane.austen@example.org']) {
    t.match(judge(password), /^like_(email|name)$/, password)
  }
  t.equal(
    judgeWeakness('Bartholomew9', { ...OWNER, name: 'Bartholomew' }, isCommonPassword),
    'like_name',
  )
})

t.test('a phrase that only mentions them is fine', async (t) => {
  for (const password of [
    'austen wrote of pride',
    'tr0ub4dor&3xkcd',
    'correct horse battery staple',
  ]) {
    t.equal(judge(password), 'fine', password)
  }
})
