import { AppError } from '@tallyfleet/domain'
import { exitOnFault, tellReady, untilStopped } from './index.ts'

/** A process as the tests start it: what it does after it was told to stop is its argument. */
exitOnFault()
if (process.argv[2] === 'fault') throw new AppError('CONFIG_INVALID', 'the environment has faults')

const log = { info() {}, fatal: (_: unknown, message: string) => process.stderr.write(`${message}\n`) }
exitOnFault(log)
if (process.argv[2] === 'reject') await Promise.reject(new AppError('STORE_UNAVAILABLE', 'redis did not answer'))

const busy = setInterval(() => {}, 1_000)
const stopped = untilStopped({ deadlineMs: process.argv[2] === 'deadline' ? 50 : 60_000, log })
tellReady({ role: 'fixture' })
const reason = await stopped
process.stderr.write(`stopping: ${reason}\n`)
if (process.argv[2] === 'clean') clearInterval(busy)
if (process.argv[2] === 'until told to end') {
  process.on('message', (message: { end?: boolean }) => { if (message.end) clearInterval(busy) })
  process.channel?.unref()
}
