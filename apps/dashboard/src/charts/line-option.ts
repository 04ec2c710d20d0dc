import type { EChartsOption } from './echarts.ts'

export type ChartSeries = { name: string; values: readonly (number | null)[]; dashed?: boolean; labels?: readonly string[] }
export type ChartNote = { bucket: string; title: string; id?: string | undefined; mine?: boolean | undefined }

/** The colours of the page, read from it: the chart follows the theme. */
export type ChartColors = { ink: string; soft: string; line: string; panel: string; faint: string; accent: string; second: string; lines: readonly string[] }

/** Tokens of the page's colours, one a line, in this order. */
export const LINE_COLORS = ['accent', 'second', 'good', 'bad', 'warn', 'soft'] as const

/** Everything that ECharts needs for a line chart. Pure, but for what it is given. */
export function lineOption({ buckets, series, partial, notes, colors, label, bucketText, numberText, shortText, animate }: {
  buckets: readonly string[]; series: readonly ChartSeries[]; partial: boolean; notes: readonly ChartNote[]; colors: ChartColors; label: string
  bucketText: (bucket: string, long: boolean) => string; numberText: (value: number | null) => string; shortText: (value: number) => string; animate: boolean
}): EChartsOption {
  const lines = series.filter(({ dashed }) => !dashed)
  const colorOf = (one: ChartSeries) => (one.dashed ? colors.faint : colors.lines[lines.indexOf(one) % colors.lines.length]!)
  const last = buckets.length - 1
  const drawn = series.flatMap((one) => {
    const color = colorOf(one)
    const common = {
      type: 'line' as const, name: one.name, symbol: 'circle', symbolSize: 6, showSymbol: buckets.length === 1, smooth: 0.18, smoothMonotone: 'x' as const,
      itemStyle: { color }, emphasis: { disabled: true },
    }
    if (one.dashed) return [{ ...common, data: [...one.values], lineStyle: { color, width: 1.25, type: [4, 4] as [number, number] }, z: 1 }]
    const isDotted = partial && last > 0
    const area = lines.length === 1 ? { areaStyle: { color, opacity: 0.07 } } : {}
    const whole = { ...common, data: one.values.map((value, at) => (isDotted && at === last ? null : value)), lineStyle: { color, width: 2 }, ...area, z: 3 }
    if (!isDotted) return [whole]
    // The stretch that still fills, from the last closed point.
    const tail = { ...common, data: one.values.map((value, at) => (at >= last - 1 ? value : null)), lineStyle: { color, width: 2, type: [1, 4] as [number, number], cap: 'round' as const }, z: 2 }
    return [whole, tail]
  })
  if (notes.length > 0 && drawn[0]) {
    Object.assign(drawn[0], { markLine: {
      symbol: 'none', silent: true, lineStyle: { color: colors.second, type: 'solid', width: 1 },
      data: notes.map(({ bucket }, index) => ({ xAxis: bucket, label: { formatter: String(index + 1), color: colors.panel, backgroundColor: colors.second, borderRadius: 8, padding: [2, 5], fontSize: 10 } })),
    } })
  }
  return {
    animation: animate, animationDuration: 0, animationDurationUpdate: 200,
    aria: { enabled: true, label: { description: label } },
    grid: { left: 4, right: 12, top: 12, bottom: 4, containLabel: true },
    xAxis: {
      type: 'category', data: [...buckets], boundaryGap: buckets.length === 1,
      axisLine: { lineStyle: { color: colors.line } }, axisTick: { show: false },
      axisLabel: { color: colors.faint, fontSize: 11, hideOverlap: true, margin: 10, formatter: (bucket: string) => bucketText(bucket, false) },
    },
    yAxis: {
      type: 'value', minInterval: 1, splitNumber: 4,
      splitLine: { lineStyle: { color: colors.line } }, axisLabel: { color: colors.faint, fontSize: 11, formatter: (value: number) => shortText(value) },
    },
    tooltip: {
      trigger: 'axis', confine: true, backgroundColor: colors.panel, borderColor: colors.line, textStyle: { color: colors.ink, fontSize: 12 }, padding: [8, 12],
      axisPointer: { lineStyle: { color: colors.faint, type: 'solid', width: 1 } }, renderMode: 'richText',
      formatter: (hovered) => {
        const index = [hovered].flat()[0]?.dataIndex ?? 0
        const rows = series.map((one) => `${one.labels?.[index] ?? one.name}   ${numberText(one.values[index] ?? null)}`)
        return [bucketText(buckets[index]!, true), ...rows].join('\n')
      },
    },
    brush: { toolbox: [], xAxisIndex: 0, brushType: 'lineX', brushStyle: { color: colors.accent, opacity: 0.12, borderWidth: 0 }, throttleType: 'debounce', throttleDelay: 0 },
    series: drawn,
  } as EChartsOption
}
