import { progress } from '@clack/prompts'

/** Shows how far a file is: a bar on a terminal, a line each 10 s elsewhere, always on stderr. */
export function showProgress(title: string): { update: (done: { bytes: number; size: number }) => void; end: () => void } {
  if (process.stderr.isTTY) {
    const bar = progress({ max: 100, output: process.stderr })
    let shown = 0
    bar.start(title)
    return {
      update({ bytes, size }) {
        const percent = Math.floor((100 * bytes) / size)
        if (percent > shown) bar.advance(percent - shown, `${title}: ${percent} %`)
        shown = Math.max(shown, percent)
      },
      end: () => bar.stop(title),
    }
  }
  let last = performance.now()
  return {
    update({ bytes, size }) {
      if (performance.now() - last < 10_000) return
      last = performance.now()
      process.stderr.write(`${title}: ${Math.floor((100 * bytes) / size)} %\n`)
    },
    end() {},
  }
}
