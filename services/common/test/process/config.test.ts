import t from 'tap'
import { Type } from 'typebox'
import {
  AUTH_SETTINGS,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '#src/process/config.ts'

const Config = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...AUTH_SETTINGS,
  ...RABBITMQ_SETTINGS,
})

const SECRET = 'hunter2-hunter2-hunter2-hunter2-hunter2'
const complete = {
  POSTGRES_USERNAME: 'toys',
  POSTGRES_PASSWORD: SECRET,
  POSTGRES_DATABASE: 'toys',
  JWKS_URL: 'http://identity/jwks.json',
  INTERNAL_JWT_SECRET: SECRET,
  RABBITMQ_URL: `amqp://toys:${SECRET}@broker`,
}

t.test(
  'settings are read with their defaults, as what they are, and cannot be changed',
  async (t) => {
    const config = readConfig(Config, {
      ...complete,
      PORT: '81',
      LEGACY_PASCAL_ALIAS: 'true',
      X: '',
    })
    t.match(config, {
      HOST: '0.0.0.0',
      PORT: 81,
      OPS_PORT: 9090,
      LOG_LEVEL: 'info',
      POSTGRES_PORT: 5432,
      POSTGRES_SSLMODE: 'disable',
      LEGACY_PASCAL_ALIAS: true,
    })
    t.throws(() => Object.assign(config, { PORT: 82 }), TypeError)
    t.notOk('X' in config, 'what is not asked for is not carried along')
  },
)

t.test('a missing setting is named', async (t) => {
  for (const name of Object.keys(complete)) {
    const { [name as keyof typeof complete]: _removed, ...rest } = complete
    t.throws(() => readConfig(Config, rest), { message: new RegExp(name) }, name)
  }
})

t.test('a wrong setting is named, and no value is ever printed', async (t) => {
  const wrong: Record<string, string> = {
    PORT: SECRET,
    OPS_PORT: '65536',
    LOG_LEVEL: SECRET,
    POSTGRES_POOL_MAX: '1',
    POSTGRES_SSLMODE: SECRET,
    POSTGRES_USERNAME: '',
    INTERNAL_JWT_SECRET: 'hunter2-is-too-short',
    LEGACY_PASCAL_ALIAS: SECRET,
    SHUTDOWN_DRAIN_MS: '-1',
  }
  for (const [name, value] of Object.entries(wrong)) {
    try {
      readConfig(Config, { ...complete, [name]: value })
      t.fail(`${name} was taken`)
    } catch (error) {
      t.match(String(error), name)
      t.notMatch(`${String(error)} ${JSON.stringify(error)}`, /hunter2/, name)
    }
  }
})
