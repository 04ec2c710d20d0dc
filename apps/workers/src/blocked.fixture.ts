import { exitWhenBlocked } from './exit-when-blocked.ts'

/** A process that blocks its event loop when it is told to, for as long as it lives. */
exitWhenBlocked({ beatMs: 50, limitMs: 500 })
const alive = setInterval(() => {}, 1_000)
process.on('message', () => {
  clearInterval(alive)
  for (;;) { /* a job that never gives way */ }
})
process.send!('ready')
