import { exitOnFault, loadConfig, tellReady, untilStopped, workersConfig } from '@tallyfleet/config'
import { createLogger, loggingConfig } from '@tallyfleet/logging'
import { storesConfig } from '@tallyfleet/stores'
import { openWorkers } from './open-workers.ts'

exitOnFault()
const config = loadConfig(workersConfig.extend(storesConfig.shape).extend(loggingConfig.shape), process.env)
const log = createLogger({ app: 'worker', level: config.LOG_LEVEL })
exitOnFault(log)
const stopped = untilStopped({ deadlineMs: config.WORKER_DRAIN_MS + 5_000, log })

await using workers = await openWorkers(config, log)

log.info({ queues: workers.queues, httpPort: workers.httpPort }, 'worker ready')
tellReady({ httpPort: workers.httpPort })
log.info({ reason: await stopped }, 'worker stopping')
