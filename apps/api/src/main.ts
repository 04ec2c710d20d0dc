import cluster from 'node:cluster'
import { apiConfig, exitOnFault, loadConfig, tellReady, untilStopped } from '@tallyfleet/config'
import { createLogger, loggingConfig } from '@tallyfleet/logging'
import { storesConfig } from '@tallyfleet/stores'
import { openApi } from './open-api.ts'
import { openProcesses } from './open-processes.ts'

exitOnFault()
const config = loadConfig(apiConfig.extend(storesConfig.shape).extend(loggingConfig.shape), process.env)
const log = createLogger({ app: 'api', level: config.LOG_LEVEL })
exitOnFault(log)
const stopped = untilStopped({ deadlineMs: 25_000, log })

const isFirst = cluster.isPrimary && config.API_PROCESSES > 1
await using api = isFirst ? await openProcesses(config.API_PROCESSES, log) : await openApi(config, log)

log.info({ address: `http://${config.HTTP_HOST}:${api.port}`, port: api.port }, 'api listening')
tellReady({ port: api.port })
log.info({ reason: await stopped }, 'api stopping')
