import { LineChart, type LineSeriesOption } from 'echarts/charts'
import {
  AriaComponent, BrushComponent, GridComponent, MarkLineComponent, TooltipComponent, type BrushComponentOption, type GridComponentOption, type TooltipComponentOption,
} from 'echarts/components'
import { init, use, type ComposeOption } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

// Only what is drawn here: this decides the size of the chart chunk.
use([LineChart, AriaComponent, BrushComponent, GridComponent, MarkLineComponent, TooltipComponent, SVGRenderer])

export type EChartsOption = ComposeOption<LineSeriesOption | BrushComponentOption | GridComponentOption | TooltipComponentOption>
export { init }
