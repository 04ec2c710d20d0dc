import { PiniaColada } from '@pinia/colada'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import AppRoot from './app/AppRoot.vue'
import { router } from './app/router.ts'
import './styles/main.css'
import { i18n, preferredLanguage, setLanguage } from './i18n/language.ts'

await setLanguage(preferredLanguage(), { remember: false })
createApp(AppRoot).use(createPinia()).use(PiniaColada).use(i18n).use(router).mount('#app')
