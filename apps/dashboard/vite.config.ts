import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'

/** Leaves a `.gz` and a `.br` beside each text file, so that the API compresses nothing while it answers. */
function precompress(): Plugin {
  let folder = ''
  return {
    name: 'precompress',
    apply: 'build',
    configResolved({ root, build }) { folder = resolve(root, build.outDir) },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue
        const path = join(entry.parentPath, entry.name)
        const bytes = readFileSync(path)
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }))
      }
    },
  }
}

/** The start page, which most people open first, comes with the shell and not after it. */
function preloadOverview(): Plugin {
  return {
    name: 'preload-overview',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle = {} }) {
        const page = Object.values(bundle).find(({ name, type }) => type === 'chunk' && name === 'OverviewPage')
        return page ? [{ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: '', href: `/${page.fileName}` }, injectTo: 'head' }] : []
      },
    },
  }
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [vue(), tailwindcss(), preloadOverview(), precompress()],
  // `FLEET_API` in the shell names the fleet that a development server asks.
  server: { proxy: { '^/(api|login|logout|admin|docs|plain\\.css)': { target: process.env.FLEET_API ?? 'http://127.0.0.1:8080', ws: true } } },
  build: {
    target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 800, reportCompressedSize: false, emptyOutDir: true,
    // What every page needs comes in one piece; pages, dialogs and the chart come when they are asked for.
    rolldownOptions: { output: { codeSplitting: { groups: [
      { name: 'vue', test: /node_modules\/(@vue|vue|vue-router|pinia|@pinia|vue-i18n|@intlify)\// },
      { name: 'shell', test: /dashboard\/src\/(api|app\/(?!RangePicker|CommandPalette|ShortcutSheet)|i18n\/(?!cs)|components\/(?!ModalDialog))/ },
    ] } } },
  },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_I18N_LEGACY_API__: 'false', __INTLIFY_PROD_DEVTOOLS__: 'false', __VUE_I18N_FULL_INSTALL__: 'false' },
})
