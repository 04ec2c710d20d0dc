import { randomUUID } from 'node:crypto'
import type { Log } from '@tallyfleet/ports'
import type { MetricObject } from 'prom-client'
import type { Metrics } from './create-metrics.ts'

/** What one process published: `process` is unique for its life. */
export type MetricsSnapshot = { process: string; at: string; metrics: MetricObject[] }

/**
 * Publishes a process's metrics, at once and then every `everyMs`. A round that fails is logged once until one works
 * again: numbers about the fleet must never stop the fleet. Disposing publishes a last time.
 */
export class MetricsHub implements AsyncDisposable {
  readonly process: string = randomUUID()
  readonly #metrics: Metrics
  readonly #publish: (json: string, process: string) => Promise<void>
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #round: Promise<void>
  #failing = false

  /**
   * @param publish keeps `json` under `process`, replacing what it kept before, for a few rounds (3 × `everyMs`)
   */
  constructor({ metrics, publish, log, everyMs = 5_000 }: {
    metrics: Metrics
    publish: (json: string, process: string) => Promise<void>
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
      const metrics = (await this.#metrics.registry.getMetricsAsJSON()) as MetricObject[]
      const snapshot: MetricsSnapshot = { process: this.process, at: new Date().toISOString(), metrics }
      await this.#publish(JSON.stringify(snapshot), this.process)
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
