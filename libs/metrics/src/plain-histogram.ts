import type { Histogram, MetricObject, MetricValueWithName } from 'prom-client'

type Labels = Partial<Record<string, string>>

/** What was observed under the same labels. `counts[i]` fell into bucket i alone; the last place is beyond all bounds. */
type Observed = { labels: Labels; counts: number[]; sum: number; count: number }

/**
 * A histogram for what happens thousands of times a second: an observation adds to plain numbers. That of prom-client
 * makes a text of its labels each time, which took most of a microsecond. To its registry it looks like one of its own.
 */
export class PlainHistogram {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum' as const
  readonly #labelNames: readonly string[]
  readonly #bounds: readonly number[]
  readonly #all = new Map<string, Observed>()
  /** The one that was asked for last, by the very object: whoever keeps its labels is found at a glance. */
  #lastLabels: Labels | undefined
  #last: Observed | undefined

  /** @param buckets upper bounds, ascending, themselves included */
  constructor({ name, help, labelNames, buckets }: {
    name: string; help: string; labelNames: readonly string[]; buckets: readonly number[]
  }) {
    this.name = name
    this.help = help
    this.#labelNames = labelNames
    this.#bounds = buckets
  }

  /** What is no number is left out. The labels must not change afterwards. */
  observe(labels: Labels, value: number): void {
    if (!Number.isFinite(value)) return
    const observed = labels === this.#lastLabels ? this.#last! : this.#find(labels)
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    observed.counts[bucket]!++
    observed.sum += value
    observed.count++
  }

  #find(labels: Labels): Observed {
    let key = ''
    for (const name of this.#labelNames) key += `${labels[name] ?? ''}\u001f`
    let observed = this.#all.get(key)
    if (!observed) {
      observed = { labels, counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0, count: 0 }
      this.#all.set(key, observed)
    }
    this.#lastLabels = labels
    return (this.#last = observed)
  }

  /** As prom-client's registry asks for it: buckets that hold all below them, then sum and count. */
  async get(): Promise<Omit<MetricObject, 'collect' | 'type'> & { type: string; values: MetricValueWithName<string>[] }> {
    const values = [...this.#all.values()].flatMap(({ labels, counts, sum, count }) => {
      let below = 0
      const valueOf = (suffix: string, value: number, le?: number | string) =>
        ({ metricName: `${this.name}_${suffix}`, exemplar: null, value, labels: le === undefined ? labels : { le, ...labels } })
      return [
        ...counts.map((own, at) => valueOf('bucket', below += own, this.#bounds[at] ?? '+Inf')),
        valueOf('sum', sum), valueOf('count', count),
      ] as MetricValueWithName<string>[]
    })
    const { name, help, type, aggregator } = this
    return { name, help, type, aggregator, values }
  }

  reset(): void {
    this.#all.clear()
    this.#lastLabels = undefined
  }

  /** The same, for a registry's types. */
  asMetric(): Histogram {
    return this as unknown as Histogram
  }
}
