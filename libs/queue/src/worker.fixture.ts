import { silentLog } from '@tallyfleet/ports'
import { neverEnds } from './never-ends.fixture.ts'
import { startWorkers } from './index.ts'

/** A worker process that a test kills: url, prefix. It says when its job runs, which never ends by itself. */
const [url, prefix] = process.argv.slice(2) as [string, string]
await startWorkers({
  url, prefix, queues: [{ name: 'tests', concurrency: 1 }], needs: {}, drainMs: 0, log: silentLog,
  jobs: [{
    definition: neverEnds,
    process: ({ jobId, attempt }) => {
      process.send!({ jobId, attempt })
      return new Promise(() => {})
    },
  }],
})
