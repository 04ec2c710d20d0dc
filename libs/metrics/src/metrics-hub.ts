import { randomUUID } from 'node:crypto'
import type { Log } from '@tallyfleet/ports'
import type { MetricObject } from 'prom-client'
import type { Metrics } from './create-metrics.ts'

/**
 * Publishes a process's metrics, at once and then every `everyMs`. A round that fails is logged once until one works
 * again: numbers about the fleet must never stop the fleet. Disposing publishes a last time.
 */
export class MetricsHub implements AsyncDisposable {
  /** Unique for the life of the process. */
  readonly process: string = randomUUID()
  readonly #metrics: Metrics
  readonly #publish: (process: string, metrics: MetricObject[]) => Promise<void>
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #round: Promise<void>
  #failing = false

  /**
   * @param publish keeps the metrics under `process`, replacing what it kept before, for a few rounds (3 × `everyMs`)
   */
  constructor({ metrics, publish, log, everyMs = 5_000 }: {
    metrics: Metrics
    publish: (process: string, metrics: MetricObject[]) => Promise<void>
    log: Log
    everyMs?: number
  }) {
    this.#metrics = metrics
    this.#publish = publish
    this.#log = log
    this.#round = this.#push()
    this.#timer = setInterval(() => { this.#round = this.#round.then(() => this.#push()) }, everyMs)
    this.#timer.unref()
  }

  async #push(): Promise<void> {
    try {
      await this.#publish(this.process, (await this.#metrics.registry.getMetricsAsJSON()) as MetricObject[])
      this.#failing = false
    } catch (error) {
      if (!this.#failing) this.#log.warn({ err: error }, 'metrics not published')
      this.#failing = true
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#round
    await this.#push()
  }
}
