import { exitOnFault, loadConfig, schedulerConfig, tellReady, untilStopped } from '@tallyfleet/config'
import { createLogger, loggingConfig } from '@tallyfleet/logging'
import { storesConfig } from '@tallyfleet/stores'
import { openScheduler } from './open-scheduler.ts'

exitOnFault()
const config = loadConfig(schedulerConfig.extend(storesConfig.shape).extend(loggingConfig.shape), process.env)
const log = createLogger({ app: 'scheduler', level: config.LOG_LEVEL })
exitOnFault(log)
const stopped = untilStopped({ deadlineMs: 10_000, log })

await using scheduler = await openScheduler(config, log)

log.info({ httpPort: scheduler.httpPort }, 'scheduler ready')
tellReady({ httpPort: scheduler.httpPort })
log.info({ reason: await stopped }, 'scheduler stopping')
