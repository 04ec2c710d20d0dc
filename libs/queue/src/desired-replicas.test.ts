import fc from 'fast-check'
import { expect, test } from 'vitest'
import { desiredReplicas, type QueueLoad } from './desired-replicas.ts'

const idle: QueueLoad = {
  paused: false, ready: 0, active: 0, busyWorkers: 0, workers: 0, slotsPerWorker: 2, jobsPerSecond: 0, runSeconds: undefined, waitGoalSeconds: 30,
}

test.each<[string, Partial<QueueLoad>, number]>([
  ['nothing', {}, 0],
  ['nothing, with workers left', { workers: 3 }, 0],
  ['one ready job', { ready: 1 }, 1],
  ['one that runs', { active: 1, busyWorkers: 1, workers: 4 }, 1],
  ['one of a worker that died', { active: 1 }, 1],
  ['a steady stream: 4 a second of 1 s, in slots that are busy 80 % of the time', { jobsPerSecond: 4, runSeconds: 1 }, 3],
  ['a backlog: 600 of 1 s in 30 s', { ready: 600, runSeconds: 1 }, 10],
  ['ten thousand jobs of a millisecond are less than a hundred of a second', { ready: 10_000, runSeconds: 0.001 }, 1],
  ['a pause', { paused: true, ready: 900, jobsPerSecond: 9, workers: 3 }, 0],
  ['a pause while three workers still run what they had', { paused: true, ready: 900, active: 5, busyWorkers: 3, workers: 3 }, 3],
  ['fewer needed than are busy', { jobsPerSecond: 0.1, runSeconds: 1, active: 4, busyWorkers: 4, workers: 4 }, 4],
  ['a bit less than there are workers for', { jobsPerSecond: 4.6, runSeconds: 1, workers: 4 }, 4],
  ['more than anybody has', { ready: 1e9 }, 100],
])('%s', (_, load, expected) => {
  expect(desiredReplicas({ ...idle, ...load })).toBe(expected)
})

test('more work never means fewer workers, and no worker that is busy is given up', () => {
  const load = fc.record({
    paused: fc.boolean(), ready: fc.nat(5_000), active: fc.nat(50), busyWorkers: fc.nat(20), workers: fc.nat(30), slotsPerWorker: fc.integer({ min: 1, max: 20 }),
    jobsPerSecond: fc.double({ min: 0, max: 50, noNaN: true }), runSeconds: fc.option(fc.double({ min: 0, max: 30, noNaN: true }), { nil: undefined }),
    waitGoalSeconds: fc.integer({ min: 1, max: 600 }),
  })
  fc.assert(fc.property(load, fc.nat(500), (some, more) => {
    const desired = desiredReplicas(some)
    expect(Number.isInteger(desired)).toBe(true)
    if (some.active > 0) expect(desired).toBeGreaterThanOrEqual(Math.min(some.busyWorkers, 100))
    expect(desiredReplicas({ ...some, ready: some.ready + more })).toBeGreaterThanOrEqual(desired)
  }))
})

/**
 * A queue in simulated seconds. As with the manifests of ops/deploy, an autoscaler looks every 15 s and goes down to the
 * highest wish of the last 120 s; a worker takes 20 s to start.
 */
function simulate({ arrivals, runSeconds, seconds, seed }: { arrivals: (second: number) => number; runSeconds: number; seconds: number; seed: number }) {
  const random = randomFrom(seed)
  const exponential = (mean: number) => -mean * Math.log(1 - random())
  const [slotsPerWorker, waitGoalSeconds, step, rateWindow] = [2, 30, 0.5, 300]
  const waiting: number[] = []
  const starting: number[] = []
  let workers: number[][] = [] // when the jobs of each end
  const runs: number[] = []
  const ended: number[] = []
  const samples: { at: number; wished: number; desired: number; workers: number }[] = []
  const waits: { at: number; seconds: number }[] = []
  for (let now = 0; now < seconds; now += step) {
    for (let at = exponential(1 / arrivals(now)); at < step; at += exponential(1 / arrivals(now))) waiting.push(now + at)
    while ((starting[0] ?? Infinity) <= now) { starting.shift(); workers.push([]) }
    workers = workers.map((jobs) => jobs.filter((endsAt) => { if (endsAt <= now) ended.push(endsAt); return endsAt > now }))
    for (const jobs of workers) {
      while (jobs.length < slotsPerWorker && waiting.length > 0) {
        const run = exponential(runSeconds)
        waits.push({ at: now, seconds: now - waiting.shift()! })
        runs.push(run)
        jobs.push(now + run)
      }
    }
    if (now % 15 !== 0) continue
    const lately = runs.slice(-200)
    while ((ended[0] ?? Infinity) < now - rateWindow) ended.shift()
    const wished = desiredReplicas({
      paused: false, ready: waiting.length, active: workers.flat().length, busyWorkers: workers.filter((jobs) => jobs.length > 0).length,
      workers: workers.length, slotsPerWorker, jobsPerSecond: ended.length / rateWindow, waitGoalSeconds,
      runSeconds: lately.length === 0 ? undefined : lately.reduce((sum, run) => sum + run, 0) / lately.length,
    })
    const desired = Math.max(wished, ...samples.filter(({ at }) => at > now - 120).map((sample) => sample.wished))
    samples.push({ at: now, wished, desired, workers: workers.length })
    for (let add = desired - workers.length - starting.length; add > 0; add--) starting.push(now + 20)
    // Like a drain: a worker that is given up ends what it runs; the idle ones go first.
    workers.sort((a, b) => b.length - a.length)
    for (const given of workers.splice(desired)) expect(given).toEqual([])
  }
  return { samples, waits, left: waiting.length }
}

test.each([1, 2, 3])('under a steady stream it settles at the ideal, keeps the wait goal and does not flap, and goes to zero after it (seed %i)', (seed) => {
  const [rate, runSeconds, ends] = [5, 2, 3_600]
  const { samples, waits, left } = simulate({ arrivals: (second) => (second < ends ? rate : 1e-9), runSeconds, seconds: ends + 900, seed })
  const ideal = rate * runSeconds / 0.8 / 2 // 6.25 workers
  const steady = samples.filter(({ at }) => at > 1_800 && at < ends)
  for (const { desired } of steady) {
    expect(desired).toBeGreaterThanOrEqual(Math.floor(ideal))
    expect(desired).toBeLessThanOrEqual(Math.ceil(ideal * 1.5))
  }
  // One change in five minutes is what the stream itself sways.
  expect(changesOf(steady)).toBeLessThanOrEqual(6)
  const kept = waits.filter(({ at }) => at > 900 && at < ends).map(({ seconds }) => seconds).sort((a, b) => a - b)
  expect(kept[Math.floor(kept.length * 0.99)]).toBeLessThan(30)
  expect(left).toBe(0)
  expect(samples.at(-1)).toMatchObject({ desired: 0, workers: 0 })
})

test('a burst of ten times the load is worked off, and the workers go again', () => {
  const burst = (second: number) => (second > 1_200 && second < 1_320 ? 20 : 2)
  const { samples, waits } = simulate({ arrivals: burst, runSeconds: 1, seconds: 3_600, seed: 7 })
  expect(Math.max(...samples.map(({ desired }) => desired))).toBeGreaterThanOrEqual(10)
  expect(Math.max(...waits.filter(({ at }) => at > 1_200).map(({ seconds }) => seconds))).toBeLessThan(90)
  const after = samples.filter(({ at }) => at > 2_400)
  expect(Math.max(...after.map(({ workers }) => workers))).toBeLessThanOrEqual(3)
  expect(changesOf(after)).toBeLessThanOrEqual(4)
})

function changesOf(samples: readonly { desired: number }[]): number {
  return samples.filter(({ desired }, at) => at > 0 && desired !== samples[at - 1]!.desired).length
}

/** mulberry32: the same run for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
